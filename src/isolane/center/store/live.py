"""This file hands committed rows to whoever listens; it guards that no listener ever slows a commit."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from isolane.center.store.port import LiveSample

QUEUE_SAMPLES_MAX = 256
"""Four minutes of 1 Hz: a listener further behind reads the series instead."""


class LiveHub:
    """Listeners by (site, device); on the event loop's thread."""

    def __init__(self) -> None:
        self._listeners: dict[tuple[str, str], set[asyncio.Queue[LiveSample | None]]] = {}
        self.dropped = 0

    @property
    def watched(self) -> int:
        """How many devices somebody listens to."""
        return len(self._listeners)

    def devices(self, site: str) -> list[str]:
        """Give the devices of a site that somebody listens to, so that nothing is prepared for nobody."""
        return [device for where, device in self._listeners if where == site]

    def publish(self, site: str, device: str, sample: LiveSample) -> None:
        """Hand a row to a device's listeners; one whose queue is full is ended after what it has queued."""
        for queue in list(self._listeners.get((site, device), ())):
            if queue.qsize() < QUEUE_SAMPLES_MAX:
                queue.put_nowait(sample)
            else:
                self.dropped += 1
                self._forget(site, device, queue)
                queue.put_nowait(None)

    @asynccontextmanager
    async def listen(self, site: str, device: str) -> AsyncGenerator[AsyncIterator[LiveSample], None]:
        """Listen until the block is left; the iterator ends when the listener was too slow or the hub closes."""
        queue: asyncio.Queue[LiveSample | None] = asyncio.Queue()
        self._listeners.setdefault((site, device), set()).add(queue)
        try:
            yield _until_none(queue.get)
        finally:
            self._forget(site, device, queue)

    def close(self) -> None:
        """End all listeners."""
        for (site, device), queues in list(self._listeners.items()):
            for queue in list(queues):
                self._forget(site, device, queue)
                queue.put_nowait(None)

    def _forget(self, site: str, device: str, queue: "asyncio.Queue[LiveSample | None]") -> None:
        queues = self._listeners.get((site, device), set())
        queues.discard(queue)
        if not queues:
            self._listeners.pop((site, device), None)


async def _until_none(get: Callable[[], Awaitable[LiveSample | None]]) -> AsyncIterator[LiveSample]:
    while (sample := await get()) is not None:
        yield sample
