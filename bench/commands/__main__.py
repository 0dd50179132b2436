"""This file is `python -m bench.commands`; it guards that what is said of commands' cost was measured."""

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Final

from bench.commands import flood, looks

_OUT: Final = Path("build/bench")
_LOOK_MS_MAX: Final = 1.0
_RATIO_MAX: Final = 1.05
_MET_MIN: Final = 0.9


def main() -> int:
    """Run the bench; the exit code is the verdict."""
    parser = argparse.ArgumentParser(prog="python -m bench.commands")
    parser.add_argument("--quick", action="store_true", help="under 50 s: fewer looks and pairs of spans")
    parser.add_argument("--looks", type=int, help="of each kind; default: 1000, 300 if quick")
    options = parser.parse_args()
    found = looks.measure(options.looks or (300 if options.quick else 1000))
    print("| signatures | bytes | p50, ms | p99, ms |\n|---|---:|---:|---:|")
    for each in found:
        print(f"| {each.signatures} | {each.size_bytes} | {each.p50_ms:.2f} | {each.p99_ms:.2f} |")
    pairs, span_s = (4, 2.5) if options.quick else (20, 5.0)
    with tempfile.TemporaryDirectory(prefix="commands") as folder:
        flooded = flood.measure(Path(folder), pairs, span_s)
    print(f"\n{flooded.arrangement}")
    print(
        f"{flood.CHARGERS} chargers through the relay, {flooded.calls} calls, {pairs} pairs of spans of {span_s:g} s:"
    )
    print("| the flood goes to | p50, ms | p99, ms |\n|---|---:|---:|")
    print(f"| nobody | {flooded.quiet_ms[0]:.2f} | {flooded.quiet_ms[1]:.2f} |")
    print(f"| the gateway, {flooded.sent_per_s:.0f}/s | {flooded.flood_ms[0]:.2f} | {flooded.flood_ms[1]:.2f} |")
    print(f"p99 beside the flood over p99 without, median of the pairs: {flooded.ratio:.3f}")
    missed = []
    if max(each.p50_ms for each in found) > _LOOK_MS_MAX:
        missed.append(f"a look takes more than {_LOOK_MS_MAX:g} ms")
    if flooded.ratio > _RATIO_MAX:
        missed.append(f"p99 is {flooded.ratio:.3f} times that without the flood")
    if flooded.sent_per_s < _MET_MIN * flood.RATE or flooded.met < _MET_MIN * flooded.sent_per_s * pairs * span_s:
        missed.append(f"the flood was {flooded.sent_per_s:.0f}/s, and {flooded.met} met the gateway")
    verdict = f"commands: falls short: {'; '.join(missed)}" if missed else "commands: pass"
    record = {"looks": [asdict(each) for each in found], "flood": asdict(flooded), "verdict": verdict}
    _OUT.mkdir(parents=True, exist_ok=True)
    (_OUT / "commands.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(verdict)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
