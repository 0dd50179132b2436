"""This file finds the signals that are not as they were; it guards that a noisy signal does not hide a quiet one.

What was usual is mean and standard deviation of all but the last part of a time; how far off a signal is, the greatest
distance in that last part from the mean, in deviations, which count as at least the signal's resolution.
"""

import numpy as np
from numpy.typing import NDArray

from isolane.wire.schema import Column
from isolane.wire.snapshot import Standout

F64 = NDArray[np.float64]
LAST_S = 15.0
_OFF_MAX = 999.0
_LEAST = 5
"""Fewer samples tell nothing of what is usual."""


def standouts(columns: list[Column], t_ms: NDArray[np.int64], values: F64, at_ms: int, most: int) -> list[Standout]:
    """Give the signals that were least as before, the worst first.

    Args:
        columns: One for each line of values.
        t_ms: UTC of the rows, shape (rows,).
        values: In units, NaN where there is none, shape (columns, rows).
        at_ms: UTC of what happened; what is later does not count.
        most: How many at most.
    """
    before = t_ms < at_ms - LAST_S * 1000
    last = (t_ms >= at_ms - LAST_S * 1000) & (t_ms <= at_ms + 1000)
    found = []
    for column, line in zip(columns, values, strict=True):
        usual, now = line[before & np.isfinite(line)], line[last & np.isfinite(line)]
        if usual.size < _LEAST or not now.size:
            continue
        mean, spread = float(usual.mean()), max(float(usual.std()), column.resolution or 1e-9)
        worst = float(now[np.argmax(np.abs(now - mean))])
        off_sd = min(abs(worst - mean) / spread, _OFF_MAX)
        told = Standout(column.charger, column.key, column.unit, round(mean, 6), round(worst, 6), round(off_sd, 1))
        found.append(told)
    return sorted(found, key=lambda each: -each.off_sd)[:most]


class Seen:
    """Gathers the site's rows of one snapshot for `standouts`, while its window before the trigger is written.

    Args:
        charger: Whose signals count; "" all.
    """

    def __init__(self, charger: str) -> None:
        self._charger = charger
        self._parts: list[tuple[list[Column], NDArray[np.int64], F64]] = []

    def add(self, columns: list[Column], t_ms: NDArray[np.int64], values: F64) -> None:
        """Take rows of some columns, shapes as of `standouts`."""
        own = [index for index, column in enumerate(columns) if self._charger in {"", column.charger}]
        if own:
            self._parts.append(([columns[index] for index in own], t_ms, values[own]))

    def standouts(self, at_ms: int, most: int) -> tuple[Standout, ...]:
        """Give the worst of the newest columns there were, and forget all."""
        parts, self._parts = self._parts, []
        if not parts:
            return ()
        same = [part for part in parts if part[0] == parts[-1][0]]
        t_ms = np.concatenate([part[1] for part in same])
        return tuple(standouts(same[-1][0], t_ms, np.concatenate([part[2] for part in same], axis=1), at_ms, most))
