"""This file is `make bench-center`; it guards that a short run is never taken for the reference."""

import argparse
import asyncio
import json
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from bench.center import fleet, peer, stored
from bench.center.report import Found, document, page, text, verdict
from bench.center.samples import History
from bench.center.servers import PROGRAM, Victoria
from bench.center.stored import BLOCK_ROWS, Beside, Load

from isolane.center.store.settings import StoreSettings, VictoriaSettings
from isolane.core.failures import IsolaneError

ROOT = Path(__file__).parents[2]
_PAGE = ROOT / "docs/reference/bench-center.md"
_JSON = ROOT / "build/bench/center.json"
_SITE = 10
_HOUR = 3600
_DAY_ROWS, _QUICK_ROWS = 23 * _HOUR, 1200
_NEW_ROWS, _QUICK_NEW_ROWS = _HOUR, 300
_LIVE_ROWS, _QUICK_LIVE_ROWS = 900, 60
_YEAR_DAYS, _QUICK_DAYS = 365, 2
_SMALL, _MIDDLE, _LARGE = 5, 100, 1000
"""Gateways of ten chargers."""
_MINUTES, _QUICK_MINUTES = 10.0, 0.05


def main() -> int:
    """Measure, show, judge; the exit code is the verdict."""
    parser = argparse.ArgumentParser(prog="make bench-center")
    parser.add_argument("--quick", action="store_true", help="under 50 s; figures mean nothing then")
    parser.add_argument("--chargers", type=int, default=10 * _LARGE, help="of the large fleet (default 10000)")
    parser.add_argument("--minutes", type=float, default=_MINUTES, help="for how long it sends (default 10)")
    parser.add_argument("--folder", type=Path, help="where the stores are made, to measure a certain disk")
    options = parser.parse_args()
    if not PROGRAM.exists():
        print("center: not installed: victoria-metrics (as root: apt-get install victoria-metrics)")
        return 2
    is_whole = not options.quick and options.chargers >= 10 * _LARGE and options.minutes >= _MINUTES
    command = " ".join(["make bench-center", *([] if len(sys.argv) == 1 else [f'ARGS="{" ".join(sys.argv[1:])}"'])])
    # Asked to end, it ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-center", dir=options.folder) as folder, ExitStack() as stack:
        try:
            large = max(_MIDDLE + 1, options.chargers // fleet.CHARGERS)
            steps = (
                ((_SMALL, _MIDDLE), _QUICK_MINUTES) if options.quick else ((_SMALL, _MIDDLE, large), options.minutes)
            )
            found = _measure(stack, Path(folder), steps, is_quick=options.quick)
        except IsolaneError as error:
            print(f"center: {error.what}; {error.hint}")
            return 2
    print(text(found))
    _JSON.parent.mkdir(parents=True, exist_ok=True)
    _JSON.write_text(json.dumps(document(found, command), indent=2) + "\n", encoding="utf-8")
    if is_whole:
        _PAGE.write_text(page(found, command), encoding="utf-8")
    print(f"took {time.monotonic() - begun:.0f} s")
    print(verdict(found))
    return 0 if verdict(found).endswith("pass") else 1


def _measure(stack: ExitStack, folder: Path, steps: tuple[tuple[int, ...], float], *, is_quick: bool) -> Found:
    load = _load(is_quick=is_quick)
    embedded = asyncio.run(stored.measure(_made(folder / "embedded"), StoreSettings(), load))
    with ExitStack() as own:
        direct = asyncio.run(peer.measure(Victoria(own, folder / "direct"), load.old, BLOCK_ROWS))
    with ExitStack() as own:
        server = Victoria(own, folder / "server")
        settings = StoreSettings(telemetry=VictoriaSettings(url=server.url, settle_s=1))
        beside = Beside(server.cpu_s, server.rest_bytes)
        victoria = asyncio.run(stored.measure(_made(folder / "victoria"), settings, load, beside))
    return Found(embedded, victoria, direct, fleet.measure(stack, folder / "fleet", *steps))


def _load(*, is_quick: bool) -> Load:
    """Let a site live for a day, or for minutes; what is asked about later ends now."""
    old, new, live = _DAY_ROWS, _NEW_ROWS, _LIVE_ROWS
    if is_quick:
        old, new, live = _QUICK_ROWS, _QUICK_NEW_ROWS, _QUICK_LIVE_ROWS
    now_ms = time.time_ns() // 60_000_000_000 * 60_000
    lived = History.lived(_SITE, now_ms - (old + new) * 1000, old + new)
    days, step_ms = (_QUICK_DAYS, 60_000) if is_quick else (_YEAR_DAYS, 30_000)
    recent = History(_SITE, now_ms - live * 1000, lived.values[:, old : old + live])
    return Load(lived.part(0, old), lived.part(old, old + new), recent, days, step_ms)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


if __name__ == "__main__":
    sys.exit(main())
