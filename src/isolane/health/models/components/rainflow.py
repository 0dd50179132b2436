"""This file counts cycles of temperature as they come; it guards that a restart neither loses nor doubles one.

Layout: the residue, turning points that are not part of a counted cycle yet. Operation, for each new turning point:

    X = |newest - one before|, Y = |one before - the one before that|
    X < Y: wait.  X >= Y: a whole cycle of range Y, and its two points go; if the first point of all is one of them,
    half a cycle, and that first point goes.

Source: ASTM E1049-85, 5.4.4; docs/reference/models/modules.md.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import msgspec
import numpy as np
from numpy.typing import NDArray

_THREE = 3


@dataclass(frozen=True, slots=True)
class Cycle:
    """A cycle, or half of one.

    Attributes:
        range: Between its extremes.
        mean: Of them.
        lasted_s: From one to the other, s.
        count: 1 or 0.5.
    """

    range: float
    mean: float
    lasted_s: float
    count: float


def turning(values: NDArray[np.float64]) -> NDArray[np.intp]:
    """Give the places of the first and last value and of those at which it turns, of a plateau the last.

    What lies between them changes no cycle.
    """
    if len(values) < _THREE:
        return np.arange(len(values))
    ways = np.sign(np.diff(values))
    known = np.maximum.accumulate(np.where(ways != 0, np.arange(len(ways)), 0))
    ways = ways[known]
    turns = np.flatnonzero(ways[1:] * ways[:-1] < 0) + 1
    begins = np.flatnonzero(ways)[:1]
    return np.unique(np.concatenate(([0], begins, turns, [len(values) - 1])))


class Rainflow(msgspec.Struct, kw_only=True):
    """Counts one signal.

    Attributes:
        least: Smallest range that makes a turning point.
        points: The residue: value, s.
        extreme: Farthest value since the last turning point, and when; None before the first value.
        rises: Which way it goes; 0 is not known yet.
    """

    least: float = 0.0
    points: list[tuple[float, float]] = msgspec.field(default_factory=list)
    extreme: tuple[float, float] | None = None
    rises: int = 0

    def take(self, values: Iterable[tuple[float, float]]) -> Iterator[Cycle]:
        """Take values and their seconds, in order; give the cycles that are complete by them."""
        for value, at_s in values:
            if self.extreme is None:
                self.extreme = (value, at_s)
                continue
            way = value - self.extreme[0]
            if self.rises and way * self.rises >= 0:
                self.extreme = (value, at_s)
            elif abs(way) > self.least:
                yield from self._turn(self.extreme)
                self.extreme, self.rises = (value, at_s), 1 if way > 0 else -1

    def rest(self) -> Iterator[Cycle]:
        """Give what is left as half cycles, as if all ended here."""
        points = [*self.points, *([self.extreme] if self.extreme is not None else [])]
        for first, second in pairwise(points):
            yield _cycle(first, second, 0.5)

    def _turn(self, point: tuple[float, float]) -> Iterator[Cycle]:
        self.points.append(point)
        while len(self.points) >= _THREE:
            a, b, c = self.points[-3:]
            if abs(c[0] - b[0]) < abs(b[0] - a[0]):
                return
            if len(self.points) == _THREE:
                yield _cycle(a, b, 0.5)
                self.points.pop(0)
            else:
                yield _cycle(a, b, 1.0)
                del self.points[-3:-1]


def _cycle(first: tuple[float, float], second: tuple[float, float], count: float) -> Cycle:
    span = abs(second[0] - first[0])
    return Cycle(span, (first[0] + second[0]) / 2, abs(second[1] - first[1]), count)
