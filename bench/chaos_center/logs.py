"""This file reads what processes have logged; it guards that a fault leads to lines, and never to a traceback."""

import re
from collections import Counter
from pathlib import Path

from bench.chaos_center.ground import Ground
from bench.chaos_health.judge import Verdict

_LINE = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z (DEBUG|INFO|WARNING|ERROR|CRITICAL) \S+ ")
_REFUSED = re.compile(r"isolane center: |  \S.*")
"""What a person is told when it cannot start, and what to do about it."""
_TOLD_MAX = 60
"""Warnings and errors for each fault, over all processes: more is a flood that nobody reads."""
_SHOWN = 5


def read_logs(verdict: Verdict, ground: Ground, faults: int) -> None:
    """Look through the logs of the center and its workers.

    Args:
        verdict: Is added to.
        ground: Whose logs.
        faults: How many were done.
    """
    levels: Counter[str] = Counter()
    for unit in (ground.center, *ground.workers, ground.second):
        strange = _strange(unit.log, levels)
        verdict.check(f"{unit.name} wrote {len(strange)} lines such as {strange[:_SHOWN]}", holds=not strange)
    told = levels["WARNING"] + levels["ERROR"] + levels["CRITICAL"]
    verdict.check(f"{told} warnings and errors of {faults} faults", holds=told <= _TOLD_MAX * faults)
    verdict.figures["warnings and errors in the logs"] = told


def _strange(log: Path, levels: Counter[str]) -> list[str]:
    """Give the lines that are no event: tracebacks, warnings of Python, what a library prints."""
    found = []
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []:
        if match := _LINE.match(line):
            levels[match[1]] += 1
        if "Traceback" in line or not (match or _REFUSED.match(line)):
            found.append(line[:200])
    return found
