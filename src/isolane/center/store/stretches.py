"""This file keeps sets of sequence numbers as ranges; it guards that a number counts once however often it comes.

Blocks come almost always in order, so a stream of millions of blocks is one or a few ranges.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

Range = tuple[int, int]
"""First and last number, both included."""


class Stretches:
    """A set of whole numbers as sorted ranges that neither overlap nor touch.

    Args:
        ranges: What it holds at first, in any order.
    """

    __slots__ = ("_firsts", "_lasts")

    def __init__(self, ranges: Iterable[Range] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in sorted(ranges):
            self.add(first, last)

    def __iter__(self) -> Iterator[Range]:
        """Give the ranges, ascending."""
        return iter(zip(self._firsts, self._lasts, strict=True))

    def __len__(self) -> int:
        """Count the ranges."""
        return len(self._firsts)

    def __contains__(self, number: int) -> bool:
        """Tell whether a number is in the set."""
        at = bisect_right(self._firsts, number) - 1
        return at >= 0 and number <= self._lasts[at]

    @property
    def last(self) -> int:
        """The greatest number, 0 of an empty set."""
        return self._lasts[-1] if self._lasts else 0

    def add(self, first: int, last: int) -> tuple[list[Range], Range]:
        """Add a range.

        Returns:
            The ranges that it replaced and the range that stands there now (they can be equal).
        """
        low = bisect_left(self._lasts, first - 1)
        high = bisect_right(self._firsts, last + 1)
        replaced = list(zip(self._firsts[low:high], self._lasts[low:high], strict=True))
        if replaced:
            first = min(first, replaced[0][0])
            last = max(last, replaced[-1][1])
        self._firsts[low:high] = [first]
        self._lasts[low:high] = [last]
        return replaced, (first, last)

    def missing(self, upto: int) -> list[Range]:
        """Give the ranges of 1 to `upto` that are not in the set, ascending."""
        holes = []
        expected = 1
        for first, last in self:
            if expected > upto:
                break
            if first > expected:
                holes.append((expected, min(first - 1, upto)))
            expected = max(expected, last + 1)
        if expected <= upto:
            holes.append((expected, upto))
        return holes

    def within(self, first: int, last: int) -> list[Range]:
        """Give the ranges that touch `first` to `last`, cut to it."""
        low = bisect_left(self._lasts, first)
        high = bisect_right(self._firsts, last)
        ranges = zip(self._firsts[low:high], self._lasts[low:high], strict=True)
        return [(max(first, begin), min(last, end)) for begin, end in ranges]
