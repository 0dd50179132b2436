"""This file stands between gateway and center; it guards that where it leads is changed for all connections at once."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

_CHUNK = 65_536


class Door:
    """One port of loopback that leads to another.

    Attributes:
        port: Where it listens.
        leads_to: Port behind it; 0 resets who comes, -1 takes him in and says nothing.
        came: When connections came, monotonic s.
        sent: How many bytes went up, and when.
    """

    def __init__(self, leads_to: int) -> None:
        self.leads_to = leads_to
        self.port = 0
        self.came: list[float] = []
        self.sent: list[tuple[float, int]] = []
        self._writers: set[asyncio.StreamWriter] = set()

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["Door"]:
        """Listen until the block ends."""
        server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.cut()

    def lead(self, to: int) -> None:
        """Lead elsewhere, and cut who is inside."""
        self.leads_to = to
        self.cut()

    def cut(self) -> None:
        """Reset who is inside."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.came.append(time.monotonic())
        self._writers.add(writer)
        try:
            if self.leads_to == 0:
                writer.transport.abort()
            elif self.leads_to < 0:
                while await reader.read(_CHUNK):
                    pass
            else:
                await self._carry(reader, writer)
        except OSError:
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.leads_to)
        self._writers.add(far_writer)
        try:
            ways = (self._flow(reader, far_writer, up=True), self._flow(far_reader, writer, up=False))
            tasks = {asyncio.create_task(way) for way in ways}
            _, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in rest:
                task.cancel()
        finally:
            self._writers.discard(far_writer)
            far_writer.close()

    async def _flow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, up: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                if up:
                    self.sent.append((time.monotonic(), len(data)))
                writer.write(data)
                await writer.drain()
