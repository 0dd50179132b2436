"""This file is `make chaos-health`; it guards that faults are random but drawn from a seed that is printed."""

import argparse
import json
import random
import re
import signal
import sys
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.chaos_health.faults import Storm
from bench.chaos_health.ground import Ground, build, missing
from bench.chaos_health.judge import Verdict, center_blocks, gateway_books, judge

_FAULTS, _SECONDS, _LONG_CUT_S = 200, 400.0, 100.0
_QUICK = 12, 20.0, 0.0
_DRAIN_S = 300.0
_WAITING_MAX = 30
"""So few blocks wait when everything is delivered as it comes."""
_LINKS = 2


def main() -> int:
    """Run the soak; the exit code is the verdict."""
    parser = argparse.ArgumentParser(prog="make chaos-health")
    parser.add_argument("--faults", type=int, default=_FAULTS, help="how many (default 200)")
    parser.add_argument("--seconds", type=float, default=_SECONDS, help="how long faults are set (default 400)")
    parser.add_argument("--quick", action="store_true", help="12 faults in 20 s")
    parser.add_argument("--seed", type=int, default=None, help="of the faults; the default is drawn and printed")
    parser.add_argument("--keep", type=Path, default=None, help="folder to leave everything in that was written")
    options = parser.parse_args()
    if lacking := missing():
        print(f"chaos-health: not installed: {lacking} (as root: apt-get install {lacking})")
        print("0 passed, 0 failed, 1 errors")
        return 1
    faults, seconds, cut_s = _QUICK if options.quick else (options.faults, options.seconds, _LONG_CUT_S)
    seed = random.SystemRandom().randrange(1 << 32) if options.seed is None else options.seed
    print(f"chaos-health: {faults} faults in {seconds:.0f} s, seed {seed}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos")))
        folder.mkdir(parents=True, exist_ok=True)
        ground = build(stack, folder, rows=1 if seed % 2 else 3)
        for daemon in ground.daemons:
            daemon.start()
            daemon.wait_ready()
        storm = Storm(ground, random.Random(seed))
        storm.blow(faults, seconds, cut_s)
        storm.calm()
        verdict = _settle(ground)
        _report(ground, storm, verdict)
        errors = [surprise for daemon in ground.daemons for surprise in daemon.surprises]
        errors += _confessions(ground)
        for sentence in (*verdict.failed, *errors):
            print(sentence)
        print(f"{verdict.passed} passed, {len(verdict.failed)} failed, {len(errors)} errors")
        return 1 if verdict.failed or errors else 0


def _settle(ground: Ground) -> Verdict:
    """Let everything arrive, end all in order, and compare."""
    for daemon in ground.daemons:
        daemon.wait_ready()
    begun = time.monotonic()
    while time.monotonic() < begun + _DRAIN_S and not _is_drained(ground):
        time.sleep(0.5)
    drain_s = round(time.monotonic() - begun)
    ground.health.stop()
    lines = _api(ground, "ledger")
    unread = _api(ground, "quarantine")
    ground.center.stop()
    ground.broker.stop()
    books = gateway_books(ground.disk / "outbox.db")
    blocks = center_blocks(ground.folder / "center/telemetry/hot.sqlite3")
    verdict = judge(books, blocks, lines, ground.page.served)
    verdict.figures["seconds to drain"] = drain_s
    verdict.check(f"the center could not read {len(unread)} messages: {unread[:2]}", holds=not unread)
    damaged = [each.name for each in ground.disk.glob("*.damaged-*")]
    verdict.check(f"the gateway has set files aside: {damaged}", holds=not damaged)
    return verdict


def _is_drained(ground: Ground) -> bool:
    """Tell whether all links stand, since an ending gateway leaves to none that does not, and next to nothing waits."""
    with urllib.request.urlopen(f"http://127.0.0.1:{ground.metrics}/metrics", timeout=10) as page:
        text = page.read().decode()
    names = r"^(isolane_health_(?:outbox_\w+|link_up\S+)) (\S+)$"
    found = {name: float(value) for name, value in re.findall(names, text, re.MULTILINE)}
    links = [value for name, value in found.items() if "link_up" in name]
    is_empty = found["isolane_health_outbox_blocks"] < _WAITING_MAX and not found["isolane_health_outbox_gaps"]
    return is_empty and all(links) and len(links) == _LINKS


def _api(ground: Ground, path: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"http://127.0.0.1:{ground.console}/api/v1/{path}", timeout=30) as page:
        answer: list[dict[str, Any]] = json.loads(page.read())
    return answer


def _confessions(ground: Ground) -> list[str]:
    """Find what a process logs when it has failed by itself."""
    found = []
    for daemon in ground.daemons:
        text = daemon.log.read_text(encoding="utf-8", errors="replace")
        found += [
            f"{daemon.name}: {line}" for line in text.splitlines() if re.search(r"Traceback|outbox-quarant", line)
        ]
    return found[:20]


def _report(ground: Ground, storm: Storm, verdict: Verdict) -> None:
    print(
        "disk: a small file system of its own"
        if ground.mounted
        else "disk: a limit on file sizes (mounting needs root)"
    )
    for name, count in sorted(storm.done.items()):
        print(f"{name}: {count}")
    print(f"blocks delivered by the twin: {storm.again.posted}")
    for name, figure in verdict.figures.items():
        print(f"{name}: {figure}")


if __name__ == "__main__":
    sys.exit(main())
