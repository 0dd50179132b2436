"""This file is `make bench-health`; it guards that a short run is never taken for the reference."""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from bench.health import gateway as product
from bench.health.live import Plan, watch
from bench.health.peers import cost, peers, receiver
from bench.health.recovery import recover
from bench.health.report import PRODUCT, Found, Row, document, page, text, verdict
from bench.health.signals import I64, chargers, signals, take

from isolane.core.failures import IsolaneError

ROOT = Path(__file__).parents[2]
_PAGE = ROOT / "docs/reference/bench-health.md"
_JSON = ROOT / "build/bench/health.json"
_SITE = 10
_LIVE_ROWS, _BLOCK_ROWS, _USUAL_ROWS, _QUICK_USUAL_ROWS = 1, 60, 10, 5
_PLANS = (Plan(_SITE, _LIVE_ROWS, 240.0), Plan(_SITE, _BLOCK_ROWS, 300.0), Plan(50, _USUAL_ROWS, 120.0))
_QUICK_PLANS = (Plan(_SITE, _LIVE_ROWS, 6.0), Plan(_SITE, _BLOCK_ROWS, 6.0, 0.1), Plan(50, _QUICK_USUAL_ROWS, 5.0))
_PEER_S = 240
_QUICK_PEER_S = 120
_QUICK_ROWS = 20
_BACKLOG_S = 3 * 3600
_QUICK_BACKLOG_S = 480


def main() -> int:
    """Measure, show, judge; the exit code is the verdict."""
    parser = argparse.ArgumentParser(prog="make bench-health")
    parser.add_argument("--quick", action="store_true", help="under 50 s; figures of time mean nothing then")
    is_quick = parser.parse_args().quick
    command = "make bench-health" + (' ARGS="--quick"' if is_quick else "")
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-health") as folder:
        try:
            found = _measure(Path(folder), is_quick=is_quick)
        except IsolaneError as error:
            print(f"health: {error.what}; {error.hint}")
            return 2
    print(text(found))
    _JSON.parent.mkdir(parents=True, exist_ok=True)
    _JSON.write_text(json.dumps(document(found, command), indent=2) + "\n", encoding="utf-8")
    if not is_quick:
        _PAGE.write_text(page(found, command), encoding="utf-8")
    print(f"took {time.monotonic() - begun:.0f} s")
    print(verdict(found))
    return 0 if verdict(found).endswith("pass") else 1


def _measure(folder: Path, *, is_quick: bool) -> Found:
    plans = _QUICK_PLANS if is_quick else _PLANS
    with ThreadPoolExecutor(len(plans)) as threads:
        # A quick run does all at once; else the one whose processor time counts has the machine for itself.
        together = plans if is_quick else plans[:2]
        runs = [threads.submit(watch, folder / f"run-{at}", plan) for at, plan in enumerate(together)]
        site, who = chargers(_SITE), product.names(folder / "pki")
        rows = _peers(folder, who, take(site, _QUICK_PEER_S if is_quick else _PEER_S), is_quick=is_quick)
        live, minute = runs[0].result(), runs[1].result()
        size = runs[2].result() if is_quick else watch(folder / "run-2", plans[2])
    rows += [Row(PRODUCT, _LIVE_ROWS, live.bytes_sample), Row(PRODUCT, _BLOCK_ROWS, minute.bytes_sample)]
    drained = folder / "recovery"
    drained.mkdir()
    recovery = recover(drained, who, signals(_SITE), take(site, _QUICK_BACKLOG_S if is_quick else _BACKLOG_S))
    return Found(rows, size, recovery, _telegraf())


def _peers(folder: Path, who: product.Names, values: I64, *, is_quick: bool) -> list[Row]:
    """Send the same samples in all other formats."""
    columns, rows = signals(_SITE), []
    with ExitStack() as stack:
        port = product.broker(stack, folder, who)
        web = stack.enter_context(receiver(who))
        for peer in peers():
            used = values[:, :_QUICK_ROWS] if peer.period_s == 1 and is_quick else values
            target = port if peer.over == "mqtt" else web
            rows.append(Row(peer.name, peer.period_s, cost(peer, who, target, columns, used)))
    return rows


def _telegraf() -> str:
    """Say why there is no row of Telegraf."""
    if shutil.which("telegraf"):
        return "Telegraf is installed here and was not compared: no run of it is part of this bench."
    command = ["/usr/bin/apt-cache", "policy", "telegraf"]
    known = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    found = "has a package that is not installed" if "Candidate: " in known and "(none)" not in known else "has none"
    return f"Telegraf was not compared: Debian {found}."


if __name__ == "__main__":
    sys.exit(main())
