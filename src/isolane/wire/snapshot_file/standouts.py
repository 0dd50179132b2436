"""This file finds what was not as before in a snapshot's lines; it guards that a quiet signal counts as a noisy one.

What was usual is mean and standard deviation until 15 s before the trigger; how far off a line is, the greatest
distance from that mean in the 15 s before and the second after it, in deviations, which count as at least the last
digit that the line has.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from isolane.wire.snapshot_file.content import F64, Line

LAST_S = 15.0
_OFF_MAX = 999.0
_LEAST = 5
"""Fewer samples tell nothing of what is usual."""
_DIGITS_MAX = 6


@dataclass(frozen=True, slots=True, eq=False)
class Off:
    """How far a line is off: what it was before, what it was then, and the distance in standard deviations."""

    line: Line
    usual: float
    last: float
    off_sd: float


def worst_first(lines: Sequence[Line], at_ms: int) -> list[Off]:
    """Give all lines with what was seen of them at a trigger at UTC `at_ms`; of those that tell nothing NaN, last."""
    return sorted((_off(line, at_ms) for line in lines), key=lambda each: -np.nan_to_num(each.off_sd, nan=-1.0))


def _off(line: Line, at_ms: int) -> Off:
    finite = np.isfinite(line.values)
    usual = line.values[finite & (line.t_ms < at_ms - LAST_S * 1000)]
    now = line.values[finite & (line.t_ms >= at_ms - LAST_S * 1000) & (line.t_ms <= at_ms + 1000)]
    if usual.size < _LEAST or not now.size:
        return Off(line, float("nan"), float(now[-1]) if now.size else float("nan"), float("nan"))
    with np.errstate(all="ignore"):  # the greatest floats there are have no deviation
        mean, spread = float(usual.mean()), max(float(usual.std()), _digit(line.values[finite]))
        worst = float(now[np.argmax(np.abs(now - mean))])
    return Off(line, mean, worst, min(abs(worst - mean) / spread, _OFF_MAX))


def _digit(values: F64) -> float:
    """Give the last digit of some numbers: 0.1 if all of them have one decimal."""
    for digits in range(_DIGITS_MAX):
        if np.allclose(values, np.round(values, digits), rtol=0, atol=1e-9):
            return float(10.0**-digits)
    return float(10.0**-_DIGITS_MAX)
