"""This file is `make bench-soh`; it guards that a short run is never taken for the reference."""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from pathlib import Path

from bench.soh import edge, real
from bench.soh.cases import Group, Rounds, healthy, sick
from bench.soh.drawing import picture
from bench.soh.kept import Kept
from bench.soh.report import Found, document, found_in, page, text, verdict
from bench.soh.runs import Run

ROOT = Path(__file__).parents[2]
_PAGE = ROOT / "docs/reference/bench-soh.md"
_JSON = ROOT / "build/bench/soh.json"
_RUNS = ROOT / "build/bench/soh"
_ROUNDS, _QUICK_ROUNDS = Rounds(slow=1, ramps=1, steps=3, pieces=3), Rounds(slow=0, ramps=0, steps=1, pieces=0)
_DIRECT, _ALTERNATING, _HEALTHY_DAYS = 12, 4, 60
_QUICK_DAYS = 27
_MINUTES = 40.0
_EDGE_S, _QUICK_EDGE_S = 7200, 600
_QUICK = "conn_gain, dc150"


def main() -> int:
    """Measure, show, judge; the exit code is the verdict."""
    parser = argparse.ArgumentParser(prog="make bench-soh")
    parser.add_argument("--quick", action="store_true", help="under 50 s; figures mean nothing then")
    parser.add_argument("--only", default="", help="the faults whose names begin so, such as clog; no page is written")
    parser.add_argument("--minutes", type=float, default=_MINUTES, help="no chargers are begun after (default 40)")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="side by side (default: all cores)")
    parser.add_argument("--resume", action="store_true", help="take what the same source has simulated before")
    options = parser.parse_args()
    command = " ".join(["make bench-soh", *([] if len(sys.argv) == 1 else [f'ARGS="{" ".join(sys.argv[1:])}"'])])
    begun = time.monotonic()
    kept = Kept(_RUNS, is_used=options.resume)
    found = _measure(options.only, begun + 60 * options.minutes, kept, options.processes, is_quick=options.quick)
    print(text(found))
    _JSON.parent.mkdir(parents=True, exist_ok=True)
    _JSON.write_text(json.dumps(document(found, command), indent=2) + "\n", encoding="utf-8")
    if not options.quick and not options.only:
        drawn = _PAGE.with_suffix(".svg")
        drawn.write_text(picture(found.rows), encoding="utf-8")
        _PAGE.write_text(page(found, command, drawn.name), encoding="utf-8")
    print(f"took {time.monotonic() - begun:.0f} s")
    print(verdict(found))
    return 0 if verdict(found).endswith("pass") else 1


def _measure(only: str, until: float, kept: Kept, processes_max: int, *, is_quick: bool) -> Found:
    groups = sick(_QUICK_ROUNDS if is_quick else _ROUNDS, only or (_QUICK if is_quick else ""))
    if is_quick:
        groups += healthy(1, 0, _QUICK_DAYS)
    else:
        groups += healthy(_DIRECT, _ALTERNATING, _HEALTHY_DAYS)
    with ProcessPoolExecutor(processes_max) as processes:
        # What costs is measured while nothing else runs.
        cost = processes.submit(edge.measure, _QUICK_EDGE_S if is_quick else _EDGE_S).result()
        measured = processes.submit(real.measure)
        # The longest first, so that no processor waits for the last one.
        ordered = sorted(groups, key=lambda group: -group.days * len(group.cases))
        runs, left_out = _run(processes, ordered, until, kept)
        return found_in(runs, cost, measured.result(), left_out)


def _run(processes: ProcessPoolExecutor, groups: Sequence[Group], until: float, kept: Kept) -> tuple[list[Run], int]:
    """Run groups side by side; give their runs, and how many were not begun in time."""
    tasks: list[Future[list[Run]]] = [processes.submit(kept.run, group) for group in groups]
    wait(tasks, timeout=max(0.0, until - time.monotonic()))
    left_out = sum(task.cancel() for task in tasks)
    runs = [each for task in tasks if not task.cancelled() for each in task.result()]
    return sorted(runs, key=lambda each: (each.case.name, each.seed)), left_out


if __name__ == "__main__":
    sys.exit(main())
