"""This file cuts rows into sessions; it guards that every session is seen, once, however the rows were cut.

A session begins with the first row in which current flows and ends when none has flowed for two minutes; these two
minutes belong to it. One that lasts is given out in stretches of an hour.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

QUIET_S = 120
STRETCH_S = 3600


@dataclass(frozen=True, slots=True)
class Cut:
    """A complete stretch, by UTC seconds: from `first_s` up to, not including, `end_s`."""

    first_s: int
    end_s: int
    session: int
    begins: bool
    ends: bool
    rest_s: float


class Sessions:
    """The sessions of one place."""

    def __init__(self) -> None:
        self.number = 0
        self._from_s: int | None = None
        self._begins = True
        self._flowed_s = -math.inf
        self._rest_s = math.nan

    @property
    def from_s(self) -> int | None:
        """UTC second from which on rows are still needed; None if no session runs."""
        return self._from_s

    def take(self, start_s: int, flows: NDArray[np.bool_]) -> list[Cut]:
        """Take rows in their order; give the stretches that are complete.

        Args:
            start_s: UTC second of the first row.
            flows: Whether current flows, shape (rows,).
        """
        found: list[Cut] = []
        at, end_s = start_s, start_s + len(flows)
        active = np.flatnonzero(flows) + start_s
        while at < end_s:
            if self._from_s is None:
                later = active[np.searchsorted(active, at) :]
                if not len(later):
                    break
                at = int(later[0])
                self._open(at)
                continue
            at = self._go_on(self._from_s, at, end_s, active, found)
        if len(active):
            self._flowed_s = max(self._flowed_s, float(active[-1]))
        return found

    def end(self) -> list[Cut]:
        """End what runs, because rows are missing; what follows is another session."""
        from_s = self._from_s
        if from_s is None:
            return []
        last_s = int(min(self._flowed_s + 1 + QUIET_S, from_s + STRETCH_S))
        found = [self._cut(from_s, max(last_s, from_s + 1), ends=True)]
        self._from_s = None
        return found

    def _open(self, at_s: int) -> None:
        self.number += 1
        self._rest_s = at_s - 1 - self._flowed_s if math.isfinite(self._flowed_s) else math.nan
        self._from_s, self._begins, self._flowed_s = at_s, True, at_s

    def _go_on(self, from_s: int, at: int, end_s: int, active: NDArray[np.intp], found: list[Cut]) -> int:
        """Follow the session that runs from `at` on; give the second up to which rows are used up."""
        border_s = from_s + STRETCH_S
        limit_s = min(end_s, border_s)
        near = active[np.searchsorted(active, at) : np.searchsorted(active, limit_s)]
        flowed = np.concatenate(([self._flowed_s], near))
        quiet = np.flatnonzero(np.diff(flowed) > QUIET_S)
        last = float(flowed[quiet[0]] if len(quiet) else flowed[-1])
        over_s = int(last) + 1 + QUIET_S
        self._flowed_s = max(self._flowed_s, last)
        if over_s <= limit_s:
            found.append(self._cut(from_s, over_s, ends=True))
            self._from_s = None
            return over_s
        if limit_s == border_s:
            found.append(self._cut(from_s, border_s, ends=False))
            self._from_s, self._begins = border_s, False
        return limit_s

    def _cut(self, from_s: int, end_s: int, *, ends: bool) -> Cut:
        return Cut(from_s, end_s, self.number, self._begins, ends, self._rest_s)
