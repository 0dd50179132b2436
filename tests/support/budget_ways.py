"""This file gives tests a way out and a far end on loopback; it guards that both are closed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from isolane.health.budget.passage import Passage
from isolane.health.budget.settings import BudgetSettings
from isolane.health.budget.turnstile import Turnstile
from isolane.health.budget.way_out import WayOut
from isolane.health.links.counts import LinkCounts

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class World:
    """A way out, and what was sent over it."""

    def __init__(self, settings: BudgetSettings, port: int = 0) -> None:
        self.turnstile = Turnstile(settings)
        self.spent: list[int] = []
        self.way = WayOut(settings, self.turnstile, self.spent.append)
        self.counts = LinkCounts()
        self.port = port

    async def passage(self, link: str = "a") -> Passage:
        """Connect as a link would."""
        return await self.way.of(link).connect("127.0.0.1", self.port, 10, self.counts)

    async def streams(self, link: str = "a") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect and give streams."""
        return await asyncio.open_connection(sock=(await self.passage(link)).inner)


@asynccontextmanager
async def world_of(serve: Serve, settings: BudgetSettings) -> AsyncIterator[World]:
    """Open a far end and a way to it; a minute is enough for every test."""
    writers: list[asyncio.StreamWriter] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with suppress(OSError):
            await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    world = World(settings, server.sockets[0].getsockname()[1])
    try:
        async with asyncio.timeout(60):
            yield world
    finally:
        await world.way.close()
        server.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)
