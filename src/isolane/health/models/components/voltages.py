"""This file knows three-phase voltages; it guards that a neutral adrift is told from a sensor that is off.

    beta = (Uab^4 + Ubc^4 + Uca^4) / (Uab^2 + Ubc^2 + Uca^2)^2
    u2 = 100 sqrt((1 - r) / (1 + r)), r = sqrt(3 - 6 beta)

Phase voltages are taken as 120 degrees apart. Where the neutral has left its place, they are not; but the three
lengths still say how large the triangle of the phases is, if that is even: its side s follows from

    s^2 = (Va^2 + Vb^2 + Vc^2 + 4 sqrt(3) A) / 2                     A: area of a triangle with sides Va, Vb, Vc

A neutral adrift leaves s as it was; a single voltage that is wrong does not.

Source: IEC 61000-4-30, 5.7 (assumed); docs/reference/models/supply.md.
"""

import math
from collections.abc import Sequence

import numpy as np

from isolane.health.models.window import Floats

_QUIET_ROWS_MIN = 60
_MEDIAN_TO_SD = 1.4826
"""Of a normal distribution."""


def unbalance_percent(lines_v: Sequence[float]) -> float:
    """Give negative over positive sequence from three voltages between phases, percent; NaN without voltage."""
    squares = [line * line for line in lines_v]
    total = sum(squares)
    if not total > 0:
        return math.nan
    beta = sum(square * square for square in squares) / (total * total)
    root = math.sqrt(max(0.0, 3.0 - 6.0 * beta))
    return 100.0 * math.sqrt(max(0.0, (1.0 - root) / (1.0 + root)))


def between_phases(phases_v: Sequence[float]) -> tuple[float, float, float]:
    """Give the voltages between phases that are 120 degrees apart, V."""
    a, b, c = phases_v
    return math.sqrt(a * a + b * b + a * b), math.sqrt(b * b + c * c + b * c), math.sqrt(c * c + a * a + c * a)


def triangle_v(phases_v: Floats) -> Floats:
    """Give the side of the even triangle of phases in which these are the distances to the neutral, V.

    Args:
        phases_v: Shape (3, n), V.

    Returns:
        Shape (n,); where no such triangle exists, that of a flat one.
    """
    a, b, c = phases_v
    half = (a + b + c) / 2
    area = np.sqrt(np.maximum(half * (half - a) * (half - b) * (half - c), 0.0))
    return np.asarray(np.sqrt((a * a + b * b + c * c + 4 * math.sqrt(3) * area) / 2))


def rms(values: Floats) -> float:
    """Give the root of the mean square of the samples there are; NaN without any."""
    there = values[np.isfinite(values)]
    return float(np.sqrt((there * there).mean())) if len(there) else math.nan


def steps(current_a: Floats, least_a: float, apart: int) -> list[int]:
    """Give rows k at which a current steps by `least_a` or more from k to k + `apart`, without overlap.

    Of rows that belong to one step, the one at which it is greatest.

    Args:
        current_a: Shape (n,), gaps as NaN.
        least_a: A.
        apart: Rows.
    """
    change = np.abs(current_a[apart:] - current_a[:-apart])
    change[~(change >= least_a)] = 0.0
    found = []
    while change.any():
        row = int(np.argmax(change))
        found.append(row)
        change[max(row - apart, 0) : row + apart + 1] = 0.0
    return sorted(found)


def change(values: Floats, row: int, apart: int, beside: int) -> Floats:
    """Give by how much each line goes from `row` to `row` + `apart`, by medians of rows beside: a spike is no step.

    Args:
        values: Shape (lines, n), gaps as NaN.
        row: First of the step.
        apart: Rows.
        beside: Rows that a median is of, those at the ends of `values` left out.

    Returns:
        Shape (lines,); NaN where one of the rows is a gap.
    """
    before = values[:, max(row - beside + 1, 0) : row + 1]
    after = values[:, row + apart : row + apart + beside]
    return np.asarray(np.median(after, axis=1) - np.median(before, axis=1))


def quiet_changes(volts: Floats, amperes: Floats, least_a: float, apart: int) -> Floats | None:
    """Give how voltages change over so many rows by themselves, while no current does by `least_a` or more.

    Args:
        volts: Shape (lines, n), gaps as NaN.
        amperes: Likewise.
        least_a: A.
        apart: Rows.

    Returns:
        Shape (lines, changes); None with less than a minute of them.
    """
    moved_a = np.abs(amperes[:, apart:] - amperes[:, :-apart])
    moved_v = volts[:, apart:] - volts[:, :-apart]
    quiet = (moved_a < least_a).all(axis=0) & np.isfinite(moved_v).all(axis=0)
    return moved_v[:, quiet] if int(quiet.sum()) >= _QUIET_ROWS_MIN else None


def robust_sd(changes: Floats) -> float:
    """Give the standard deviation of changes about 0, from the median of their size."""
    return _MEDIAN_TO_SD * float(np.median(np.abs(changes)))
