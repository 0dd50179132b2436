"""This file is what a link to a center carries beside the outbox; it guards that nothing of it holds up telemetry.

Downwards commands, key manifests and notes wait in short queues for whoever takes them; what comes while a queue is
full is not taken, and counted: whoever floods fills a queue of commands, never that of keys. Upwards there is one
thing, the newest statement, which each session of each link brings once.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from isolane.wire.errand import Down

COMMANDS_MAX: Final = 64
"""Three seconds of what the gate looks at."""
OTHERS_MAX: Final = 4
_BYTES_MAX: Final = 80 << 10
"""A key manifest has 64 KiB at most."""


class Errands(Collector):
    """What waits in both directions; register it with a registry.

    Attributes:
        counts: What came, by kind and outcome: "taken", "flood", "size", "retained".
    """

    def __init__(self) -> None:
        self.counts: Counter[tuple[Down, str]] = Counter()
        self._commands: deque[tuple[Down, bytes]] = deque()
        self._others: deque[tuple[Down, bytes]] = deque()
        self._came = asyncio.Event()
        self._number, self._newest = 0, b""
        self._stated = asyncio.Condition()

    def take(self, kind: Down, data: bytes, *, retained: bool = False) -> None:
        """Take what the center brings; never waits.

        Args:
            kind: From the topic or the answer.
            data: Bytes of anybody's choosing.
            retained: Whether a broker had kept it: nothing of ours is, so somebody else put it there.
        """
        queue, bound = (self._commands, COMMANDS_MAX) if kind is Down.COMMAND else (self._others, OTHERS_MAX)
        if retained or len(data) > _BYTES_MAX or len(queue) >= bound:
            outcome = "retained" if retained else "size" if len(data) > _BYTES_MAX else "flood"
            self.counts[kind, outcome] += 1
            return
        self.counts[kind, "taken"] += 1
        queue.append((kind, data))
        self._came.set()

    async def next(self) -> tuple[Down, bytes]:
        """Wait for what came first, keys and notes before commands."""
        while not self._others and not self._commands:
            self._came.clear()
            await self._came.wait()
        return (self._others or self._commands).popleft()

    async def state(self, data: bytes) -> None:
        """Have all links bring a statement; it replaces the one before."""
        async with self._stated:
            self._number, self._newest = self._number + 1, data
            self._stated.notify_all()

    async def newest(self, after: int) -> tuple[int, bytes]:
        """Wait for a statement that is newer than one.

        Args:
            after: Number of the one that was brought; 0 for none.

        Returns:
            Its number, and its bytes.
        """
        async with self._stated:
            await self._stated.wait_for(lambda: self._number > after)
            return self._number, self._newest

    def collect(self) -> Iterator[Metric]:
        """Give the counts to Prometheus."""
        family = CounterMetricFamily(
            "isolane_health_errands", "What the center has brought beside answers.", labels=["kind", "outcome"]
        )
        for (kind, outcome), count in self.counts.items():
            family.add_metric([kind.value, outcome], count)
        yield family
