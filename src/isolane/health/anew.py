"""This file lets a part be begun anew from outside; it guards that the old one has ended before the new one begins."""

import asyncio
from collections.abc import Awaitable, Callable


class Anew:
    """One part, run over and over.

    Args:
        begin: Runs it; cancelled to stop.

    Attributes:
        count: How often it was begun anew because somebody asked for it.
    """

    def __init__(self, begin: Callable[[], Awaitable[None]]) -> None:
        self.count = 0
        self._begin = begin
        self._asked = asyncio.Event()

    def restart(self) -> int:
        """Have it begun anew; never waits. Gives how often that was."""
        self.count += 1
        self._asked.set()
        return self.count

    async def run(self) -> None:
        """Run it until it ends by itself; what it raises is raised here."""
        is_over = False
        while not is_over:
            self._asked.clear()
            is_over = await self._once()

    async def _once(self) -> bool:
        """Run it until it ends, or somebody asks; tell whether it has ended by itself."""
        part = asyncio.ensure_future(self._begin())
        asked = asyncio.ensure_future(self._asked.wait())
        try:
            await asyncio.wait({part, asked}, return_when=asyncio.FIRST_COMPLETED)
            if part.done():
                part.result()
            return part.done()
        finally:
            for task in (part, asked):
                task.cancel()
            await asyncio.gather(part, asked, return_exceptions=True)
