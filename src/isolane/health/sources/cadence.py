"""This file says when a group of points is due; it guards that a late round is skipped, not made up for in a burst."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from isolane.core.clock import NS_PER_S, Clock


class Cadence:
    """Several periods on one clock; all begin now.

    Args:
        periods_s: Period of each group, s.
        clock: Its monotonic side is used.
        sleep: How to wait a number of seconds.
    """

    def __init__(
        self,
        periods_s: Mapping[str, float],
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._periods_ns = {group: round(period * NS_PER_S) for group, period in periods_s.items()}
        self._due_ns = dict.fromkeys(self._periods_ns, clock.mono_ns())

    def begin(self, group: str, period_s: float) -> None:
        """Add a group that is due at once; nothing changes if it is there."""
        if group not in self._periods_ns:
            self._periods_ns[group] = round(period_s * NS_PER_S)
            self._due_ns[group] = self._clock.mono_ns()

    def end(self, group: str) -> None:
        """Remove a group, if it is there; never the last one."""
        if self._periods_ns.pop(group, None) is not None:
            del self._due_ns[group]

    @property
    def left_s(self) -> float:
        """How long until the next group is due, s; 0 if one is due already."""
        return max(0, min(self._due_ns.values()) - self._clock.mono_ns()) / NS_PER_S

    async def due(self) -> frozenset[str]:
        """Wait until at least one group is due, and give those that are."""
        while (left := self.left_s) > 0:
            await self._sleep(left)
        now = self._clock.mono_ns()
        groups = frozenset(group for group, due in self._due_ns.items() if due <= now)
        for group in groups:
            period = self._periods_ns[group]
            self._due_ns[group] += ((now - self._due_ns[group]) // period + 1) * period
        return groups
