"""This file remembers blocks the disk refused.

It guards that each is counted once, in memory or on the disk, never in both.

Killed before they are written down they were never produced, as all that was only in memory; so the center is told of
them only when they are.
"""

from collections.abc import Callable
from dataclasses import replace

from isolane.health.outbox.records import Tally
from isolane.wire.uplink import Gap

REASON = "disk-full"
_APART = 1000
"""So many are kept apart, since each commit that failed may have reached the disk after all; more become one."""


class Losses:
    """Gap records waiting for a disk that takes them."""

    def __init__(self) -> None:
        self.gaps: list[Gap] = []

    def add(self, gap: Gap) -> None:
        """Remember a block; `gap.reason` is REASON."""
        beside = None
        if len(self.gaps) >= _APART:
            own = (at for at in reversed(range(len(self.gaps))) if _book(self.gaps[at]) == _book(gap))
            beside = next(own, None)
        if beside is None:
            self.gaps.append(gap)
        else:
            self.gaps[beside] = joined(self.gaps[beside], gap)

    def forget_known(self, last_sequence: Callable[[int, int], int]) -> None:
        """Forget what the file has after all: a commit that failed may have reached it, with all before it."""
        self.gaps = [gap for gap in self.gaps if gap.last > last_sequence(gap.epoch, gap.stream)]

    def clear(self) -> None:
        """They are written down, or their books are gone."""
        self.gaps.clear()

    def add_to(self, tally: Tally) -> Tally:
        """Give the sums with these losses as produced and dropped."""
        samples = sum(gap.samples for gap in self.gaps)
        if not samples:
            return tally
        dropped = {**tally.dropped, REASON: tally.dropped.get(REASON, 0) + samples}
        return replace(tally, produced=tally.produced + samples, dropped=dropped)


def _book(gap: Gap) -> tuple[int, int]:
    return gap.epoch, gap.stream


def joined(first: Gap, second: Gap) -> Gap:
    """Give one record for two that are side by side."""
    return Gap(
        first.version,
        first.epoch,
        first.stream,
        min(first.first, second.first),
        max(first.last, second.last),
        first.samples + second.samples,
        first.reason,
        min(first.from_ms, second.from_ms),
        max(first.to_ms, second.to_ms),
    )
