"""This file holds some seconds of signals; it guards that a model sees a gap as a gap.

Rows are at 1 Hz on UTC seconds. A sample that is BAD, STALE, missing or implausible is NaN.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
"""Samples of one signal, shape (rows,), in the signal's unit, gaps as NaN."""


@dataclass(frozen=True, slots=True)
class Window:
    """Consecutive rows of one place.

    Attributes:
        start_s: UTC second of the first row.
        rows: How many; row i is at start_s + i.
        signals: By key without its place: ``<Component>[<instance>]/<Variable>[<instance>]``.
    """

    start_s: int
    rows: int
    signals: Mapping[str, Floats] = field(repr=False)

    def __getitem__(self, key: str) -> Floats:
        """Give a signal's samples; all NaN if the place does not have it."""
        found = self.signals.get(key)
        return found if found is not None else np.full(self.rows, np.nan)

    def __contains__(self, key: object) -> bool:
        """Tell whether the place has a signal, with samples or without."""
        return key in self.signals

    @property
    def end_s(self) -> int:
        """UTC second after the last row."""
        return self.start_s + self.rows

    def instances(self, component: str, variable: str) -> Iterator[tuple[str, Floats]]:
        """Give the instances of a component and their samples, in the order of their names: ("1", ...), ("2", ...)."""
        for key in sorted(self.signals):
            owner, _, name = key.partition("/")
            base, _, instance = owner.partition("[")
            if base == component and name == variable:
                yield instance.removesuffix("]"), self.signals[key]

    def part(self, first: int, last: int) -> "Window":
        """Give rows first to last - 1, as views."""
        return Window(self.start_s + first, last - first, {key: each[first:last] for key, each in self.signals.items()})


@dataclass(frozen=True, slots=True)
class Stretch:
    """A session, or an hour of a long one.

    Attributes:
        window: Its rows.
        session: Counts the sessions of the place; the stretches of one session share it.
        begins: Whether the session begins with it.
        ends: Whether the session ends with it.
        rest_s: How long nothing had flowed before the session, s; NaN if that is not known.
    """

    window: Window
    session: int
    begins: bool
    ends: bool
    rest_s: float
