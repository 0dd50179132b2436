"""This file lets the event loop use the ring of blocks at full rate; it guards that nobody waits for it.

It has a thread of its own, so a disk that hangs here holds up no row, no link and not the outbox. Blocks that come
while it hangs are passed over and counted.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

from isolane.core.clock import Clock
from isolane.health.thinning.ring import KeptCounts, Ring
from isolane.health.thinning.segment import ALL, Wanted, passed_over, read
from isolane.health.thinning.settings import KeptSettings
from isolane.wire.block import Block
from isolane.wire.schema import Schema

_QUEUE_BLOCKS_MAX = 16
_TEND_S = 5.0

Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")


class Kept:
    """Blocks as they were before they were thinned. Run `run` beside, then close it.

    Args:
        settings: The table.
        folder: Where.
        tag: From `wire.block.gateway_tag`.
        clock: Both clocks.
    """

    def __init__(self, settings: KeptSettings, folder: Path, tag: bytes, clock: Clock) -> None:
        self._settings = settings
        self._folder = folder
        self._ring = Ring(settings, folder, tag, clock)
        self._thread = ThreadPoolExecutor(1, "kept")
        self._queue: asyncio.Queue[Block] = asyncio.Queue(_QUEUE_BLOCKS_MAX)
        self._schemas: dict[bytes, Schema] = {}

    async def close(self) -> None:
        """Write what is left and end."""
        await self._flush()
        self._thread.shutdown()

    @property
    def counts(self) -> KeptCounts:
        """What became of blocks, and what there is."""
        return self._ring.counts

    def give_up(self, folder: Path) -> bool:
        """Give up some of it because somebody finds the disk of a folder full; any thread. Tell whether that helps."""
        return self._ring.give_up(folder)

    def learn(self, schema: Schema) -> None:
        """Take blocks of this schema."""
        self._schemas[schema.id] = schema

    def keep(self, block: Block) -> None:
        """Take a block as it was before it was thinned, under the key it was sent with; never waits."""
        if not self._settings.bytes_max:
            return
        try:
            self._queue.put_nowait(block)
        except asyncio.QueueFull:
            self.counts.blocks_behind += 1

    async def run(self) -> None:
        """Take over what earlier runs have kept, and write for ever; cancelled to stop."""
        await self._call(self._ring.open)
        while True:
            block = None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TEND_S):
                    block = await self._queue.get()
            if block is not None:
                await self._take(block)
            await self._call(self._ring.tend)

    async def between(self, wanted: Wanted = ALL) -> AsyncIterator[tuple[Schema, Block]]:
        """Give the blocks that were thinned before they were sent, as they were, with their schemas, in their order.

        Raises:
            OSError: A file is there and cannot be read.
        """
        await self._flush()
        found = read(self._folder, wanted, self._damaged)
        while (one := await self._call(next, found, None)) is not None:
            yield one

    def _damaged(self, path: Path, size: int) -> None:
        self.counts.damaged_bytes += size
        passed_over(path, size)

    async def _flush(self) -> None:
        while not self._queue.empty():
            await self._take(self._queue.get_nowait())
        await self._call(self._ring.flush)

    async def _take(self, block: Block) -> None:
        await self._call(self._ring.keep, self._schemas[block.schema], block)

    async def _call(
        self, function: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        work = asyncio.get_running_loop().run_in_executor(self._thread, lambda: function(*args, **kwargs))
        return await asyncio.shield(work)
