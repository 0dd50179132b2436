"""This file is `make attack`; it guards that its last line counts every case and its exit code agrees."""

import argparse
import asyncio
import resource
import sys
import time
from collections import Counter
from itertools import zip_longest
from pathlib import Path

from bench.attack.cases import FAMILIES, HERE, Case, Reasons, read_book, read_reasons, select
from bench.attack.run import Verdict, run_case

_QUICK_S = 41.0
"""Before it everything is imported, behind it the case that it cuts is ended: on a busy machine six seconds more."""
_CASE_S_MIN = 4.0
"""What the fastest case takes."""
CASES = HERE.parents[2] / "shared" / "design" / "attack-cases.yaml"


def main() -> int:
    """Run the cases; the exit code is the verdict."""
    options = _options()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if not options.cases.is_file():
        print(f"attack: there is no {options.cases}; name a file of cases with --cases FILE")
        return 2
    book = read_book(options.cases)
    wanted = options.family or (",".join(FAMILIES) if options.cases == CASES else "")
    families = {name.strip() for name in wanted.split(",") if name.strip()}
    ids = {name.strip() for name in options.case.split(",") if name.strip()}
    families = families or {case.family for case in book.cases}
    chosen = select(book, set() if ids else families, ids)
    if not chosen:
        print(f"attack: no case of {', '.join(sorted(ids or families))} in {options.cases}")
        return 2
    reasons = read_reasons()
    if options.quick:
        verdicts = _run_some(chosen, book.limits, reasons)
    else:
        verdicts = _run_all(chosen, book.limits, reasons, scaled=options.scaled)
    _tell_how(verdicts, reasons)
    return _sum_up(verdicts)


def _run_all(cases: list[Case], limits: dict[str, float], reasons: Reasons, *, scaled: bool) -> list[Verdict]:
    if scaled:
        print("attack: --scaled: long times and large numbers are scaled down; each case says what became shorter")
    verdicts = []
    for case in cases:
        verdicts.append(asyncio.run(run_case(case, limits, reasons, quick=scaled)))
        _tell(verdicts[-1])
    return verdicts


def _run_some(cases: list[Case], limits: dict[str, float], reasons: Reasons) -> list[Verdict]:
    """Run what there is time for, a case of each family in turn; one that the end of the time cuts does not count."""
    end = time.monotonic() + _QUICK_S
    verdicts = []
    for case in _in_turn(cases):
        left_s = end - time.monotonic()
        if left_s < _CASE_S_MIN:
            break
        verdict = asyncio.run(run_case(case, limits, reasons, quick=True, within_s=left_s))
        if time.monotonic() < end:
            verdicts.append(verdict)
            _tell(verdict)
    print(f"attack: --quick: {len(verdicts)} of {len(cases)} cases, long times and large numbers scaled down")
    return verdicts


def _in_turn(cases: list[Case]) -> list[Case]:
    families = [
        [case for case in cases if case.family == name] for name in dict.fromkeys(each.family for each in cases)
    ]
    return [case for turn in zip_longest(*families) for case in turn if case is not None]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make attack", description="Run the attack cases against our own relay.")
    parser.add_argument("--cases", type=Path, default=CASES, metavar="FILE", help="cases to run (default: %(default)s)")
    parser.add_argument(
        "--family", default="", metavar="HS,WS", help="families (default: what is the relay's and the tap's)"
    )
    parser.add_argument("--case", default="", metavar="HS-01,HS-03", help="single cases")
    parser.add_argument("--scaled", action="store_true", help="scale long times down, and say so")
    parser.add_argument("--quick", action="store_true", help="under 50 s: scaled, and only the cases there is time for")
    return parser.parse_args()


def _tell(verdict: Verdict) -> None:
    print(f"{verdict.case.id:6} {verdict.outcome:14} {verdict.seconds:6.1f} s  {verdict.case.title}", flush=True)
    for line in verdict.why:
        print(f"         {'reason' if verdict.outcome == 'not applicable' else verdict.outcome}: {line}")
    for line in verdict.notes:
        print(f"         note: {line}")


def _tell_how(verdicts: list[Verdict], reasons: Reasons) -> None:
    """Say what was judged otherwise than by the letter."""
    asked = {key for verdict in verdicts for key in (*verdict.case.expect, *verdict.case.observe)}
    print()
    for key in [key for key in reasons.judged if key in asked]:
        print(f"judged so: {key}: {reasons.judged[key]}")


def _sum_up(verdicts: list[Verdict]) -> int:
    print()
    for family in dict.fromkeys(verdict.case.family for verdict in verdicts):
        counts = Counter(verdict.outcome for verdict in verdicts if verdict.case.family == family)
        print(f"{family}: " + ", ".join(f"{counts[name]} {name}" for name in ("passed", "failed", "error")), end="")
        print(f", {counts['not applicable']} not applicable" if counts["not applicable"] else "")
    total = Counter(verdict.outcome for verdict in verdicts)
    for verdict in verdicts:
        if verdict.outcome == "not applicable":
            print(f"not applicable: {verdict.case.id}: {verdict.why[0]}")
    print(f"{total['passed']} passed, {total['failed']} failed, {total['error']} errors")
    return 0 if not total["failed"] and not total["error"] else 1


if __name__ == "__main__":
    sys.exit(main())
