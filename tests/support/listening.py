"""This file listens with streams for a test; it guards that no connection of it outlives the test, however slow it was.

A handler that still waits when the loop ends is cancelled and leaves its socket to the collector, which then complains
in the middle of another test.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

from support.stream_server import StreamServer

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class _Listening(StreamServer):
    """Talks as a function does."""

    def __init__(self, serve: Serve, tls: ssl.SSLContext | None) -> None:
        super().__init__(tls)
        self._serve_one = serve

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._serve_one(reader, writer)


@contextlib.asynccontextmanager
async def listening(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Listen on a loopback port, whose number is given.

    Args:
        serve: Serves a connection, which is closed afterwards.
        tls: Of the listener, None for none.
    """
    server = _Listening(serve, tls)
    await server.start()
    try:
        yield server.port
    finally:
        await server.stop()
