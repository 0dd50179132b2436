"""This file lets the event loop use the store; it guards that a slow disk never holds up a tick or a link.

All access to the file is on one thread of its own, in the order it was asked for. Measured on a server's disk with
blocks of 500 signals x 10 rows, encoding included: 0.9 ms in the median, 4.7 ms at the 99th percentile, 93 ms at worst,
and flash that is busy erasing is slower; the loop must take a row every second and answer a broker meanwhile.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from isolane.core.clock import Clock
from isolane.health.outbox.cursor import Cursor, Pace
from isolane.health.outbox.lanes import Lane
from isolane.health.outbox.records import Draft, Key, Outgoing, Sheet, Tally, Troubles
from isolane.health.outbox.settings import OutboxSettings
from isolane.health.outbox.store import Store
from isolane.health.outbox.wear import Wear
from isolane.wire.block import BlockKey
from isolane.wire.schema import Schema
from isolane.wire.uplink import LedgerEntry

_LOG = logging.getLogger(__name__)
_TEND_S = 5.0

Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")


class Outbox:
    """What waits for the center, and the books. Open it, run `tend` beside, close it.

    Args:
        settings: Where it is and its bounds.
        tag: From `wire.block.gateway_tag`.
        clock: Both clocks.
        schema: Of the rows that will come.
        required: Names of the links that must all have brought a block to the center before it leaves.
        spare: Called in the outbox's thread when the disk is full: gives up what others keep there, and tells whether
            there was any.
    """

    def __init__(
        self,
        settings: OutboxSettings,
        tag: bytes,
        clock: Clock,
        schema: Schema,
        required: frozenset[str] = frozenset(),
        *,
        spare: Callable[[], bool] = lambda: False,
    ) -> None:
        self._store = Store(settings, tag, clock, schema, required, spare=spare)
        self._thread = ThreadPoolExecutor(1, "outbox")
        self._clock = clock
        self._schema = schema
        self._changed = asyncio.Event()
        self.cursors: list[Cursor] = []
        self.wear = Wear()

    def know(self, links: Iterable[str]) -> None:
        """Count what each of these links misses, from `open` on if told before."""
        for link in links:
            self._store.held.setdefault(link, frozenset())

    async def open(self) -> None:
        """Open the file and begin an epoch.

        Raises:
            IsolaneError: The file cannot be opened for a reason a person must put right.
        """
        try:
            await self._call(self._store.open)
        except BaseException:
            self._thread.shutdown()
            raise
        tally = self.tally
        _LOG.info("outbox-open epoch=%d blocks=%d bytes=%d", self.epoch, tally.blocks_queued, tally.bytes_queued)

    async def close(self) -> None:
        """Close the file; what was committed stays."""
        await self._call(self._store.close)
        self.wear.end()
        self._thread.shutdown()

    @property
    def epoch(self) -> int:
        """The epoch that blocks are numbered in now."""
        return self._store.epoch

    @property
    def tally(self) -> Tally:
        """The books of all epochs together, as of the last operation."""
        return self._store.tally

    @property
    def troubles(self) -> Troubles:
        """What went wrong, counted."""
        return self._store.troubles

    @property
    def current_schema(self) -> bytes:
        """Id of the schema of the rows that come."""
        return self._schema.id

    def cursor(self, name: str, pace: Pace) -> Cursor:
        """Make the cursor of one link."""
        self.know([name])
        cursor = Cursor(name, self, pace, self._clock)
        self.cursors.append(cursor)
        return cursor

    async def learn(self, schema: Schema, stream: int = 0) -> None:
        """Take blocks of this schema too, in that stream, beside those of the one it was made with in stream 0."""
        await self._call(self._store.learn, schema, stream)

    async def put(self, draft: Draft | Sheet, lane: Lane = Lane.LIVE) -> BlockKey:
        """Number a block or paper, commit it, tell the links, and give its key.

        Args:
            draft: A block is of the schema the outbox was made with, or one it has learnt. With `thinned`, it stands
                for more samples than it holds, and the books say so.
            lane: What goes first, and what is dropped first.
        """
        key = await self._call(self._store.put, draft, lane)
        self._wake()
        return key

    async def holding(self, keys: frozenset[Key]) -> frozenset[Key]:
        """Give those of some keys whose block or paper still waits; all of them while the disk refuses to tell."""
        return await self._call(self._store.holding, keys) if keys else keys

    async def begin_epoch(self) -> None:
        """Number blocks from 1 again under a greater epoch; asked for when the UTC clock was set back."""
        await self._call(self._store.begin_epoch)
        _LOG.info("outbox-epoch epoch=%d", self.epoch)

    async def tend(self) -> None:
        """Expire and re-lane for ever; cancelled to stop."""
        while True:
            await asyncio.sleep(_TEND_S)
            await self._call(self._store.tend)
            self._wake()

    async def until_empty(self) -> None:
        """Wait until the center has everything."""
        while not self.tally.empty:
            self._changed.clear()
            await self._changed.wait()

    async def pick(
        self,
        link: str,
        in_flight: frozenset[Key],
        aside: frozenset[Key],
        limit: int,
        *,
        newest_first: bool,
        in_order: bool = False,
        urgent_only: bool = False,
    ) -> list[Outgoing]:
        """See `cursor.Supply`."""
        return await self._call(
            self._store.pick,
            link,
            in_flight,
            aside,
            limit,
            newest_first=newest_first,
            in_order=in_order,
            urgent_only=urgent_only,
        )

    async def settle(self, link: str, blocks: Sequence[Key], gaps: Sequence[Key], poison: Sequence[str]) -> int | None:
        """See `cursor.Supply`."""
        for why in poison:
            self.troubles.poisoned_blocks += 1
            _LOG.warning("block-poisoned link=%s why=%r", link, why[:200])
        return await self._call(self._store.settle, link, blocks, gaps)

    async def forget(self, link: str) -> None:
        """See `cursor.Supply`."""
        await self._call(self._store.forget, link)

    async def entries(self) -> list[LedgerEntry]:
        """See `cursor.Supply`."""
        return await self._call(self._store.entries)

    async def schema(self, identity: bytes) -> bytes | None:
        """See `cursor.Supply`."""
        return await self._call(self._store.schema, identity)

    def _wake(self) -> None:
        for cursor in self.cursors:
            cursor.wake()

    async def _call(
        self, function: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        work = asyncio.get_running_loop().run_in_executor(
            self._thread, self.wear.counted, lambda: function(*args, **kwargs)
        )
        try:
            return await asyncio.shield(work)
        finally:
            self._changed.set()
