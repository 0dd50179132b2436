"""This file brings papers into the outbox; it guards that who hands one in never waits, and that losses are counted."""

import asyncio
import logging

from isolane.core.clock import NS_PER_MS, Clock
from isolane.health.outbox.lanes import Lane
from isolane.health.outbox.outbox import Outbox
from isolane.health.outbox.records import Sheet

_LOG = logging.getLogger(__name__)
_WAITING_MAX = 1000


class Post:
    """Papers on their way into the outbox; run `run` beside.

    Args:
        outbox: Open.
        clock: Both clocks.
    """

    def __init__(self, outbox: Outbox, clock: Clock) -> None:
        self._outbox = outbox
        self._clock = clock
        self._waiting: asyncio.Queue[tuple[Sheet, Lane]] = asyncio.Queue(_WAITING_MAX)
        self.lost = 0
        """Papers given up because the disk has not taken one for long."""

    def hand_in(self, kind: str, body: bytes, lane: Lane) -> None:
        """Take a paper; never waits."""
        sheet = Sheet(kind, body, self._clock.utc_ns() // NS_PER_MS)
        try:
            self._waiting.put_nowait((sheet, lane))
        except asyncio.QueueFull:
            self.lost += 1
            _LOG.error("paper-given-up kind=%s reason=disk-hangs", kind)

    async def run(self) -> None:
        """Commit papers in their order, for ever; cancelled to stop."""
        while True:
            sheet, lane = await self._waiting.get()
            try:
                await self._outbox.put(sheet, lane)
            finally:
                self._waiting.task_done()

    async def settled(self) -> None:
        """Wait until all that was handed in is committed."""
        await self._waiting.join()
