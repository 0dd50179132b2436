"""This file says when a group of points is due; it guards that a late round is skipped, not made up for in a burst."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from isolane.core.clock import NS_PER_S, Clock


class Cadence:
    """Several periods on one clock; all begin now.

    Args:
        periods_s: Period of each group, s; at least one.
        clock: Its monotonic side is used.
        sleep: How to wait a number of seconds; by default until then, or until a group begins.
    """

    def __init__(
        self,
        periods_s: Mapping[str, float],
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] | None = None,
    ) -> None:
        self._clock = clock
        self._sleep = sleep or self._nap
        self._begun = asyncio.Event()
        self._periods_ns = {group: round(period * NS_PER_S) for group, period in periods_s.items()}
        self._due_ns = dict.fromkeys(self._periods_ns, clock.mono_ns())
        self._until_ns: dict[str, int] = {}

    def begin(self, group: str, period_s: float, until_mono_ns: int) -> None:
        """Add a group that is due at once and ends by itself; if it is there, it ends then.

        Args:
            group: Its name; none of those that stay.
            period_s: Its period, s.
            until_mono_ns: The moment of its end on the monotonic clock.
        """
        self._until_ns[group] = until_mono_ns
        if group not in self._periods_ns:
            self._periods_ns[group] = round(period_s * NS_PER_S)
            self._due_ns[group] = self._clock.mono_ns()
            self._begun.set()

    @property
    def left_s(self) -> float:
        """How long until the next group is due, s; 0 if one is due already."""
        now = self._clock.mono_ns()
        live = (due for group, due in self._due_ns.items() if self._until_ns.get(group, now + 1) > now)
        return max(0, min(live) - now) / NS_PER_S

    async def due(self) -> frozenset[str]:
        """Wait until at least one group is due, and give those that are."""
        while True:
            self._end_outlived()
            if (left := self.left_s) <= 0:
                break
            await self._sleep(left)
        now = self._clock.mono_ns()
        groups = frozenset(group for group, due in self._due_ns.items() if due <= now)
        for group in groups:
            period = self._periods_ns[group]
            self._due_ns[group] += ((now - self._due_ns[group]) // period + 1) * period
        return groups

    def _end_outlived(self) -> None:
        now = self._clock.mono_ns()
        for group in [group for group, until in self._until_ns.items() if until <= now]:
            del self._until_ns[group], self._periods_ns[group], self._due_ns[group]

    async def _nap(self, seconds: float) -> None:
        self._begun.clear()
        timer = asyncio.get_running_loop().call_later(seconds, self._begun.set)
        try:
            await self._begun.wait()
        finally:
            timer.cancel()
