"""This file is a bad network between relay and CSMS; it guards that only the charger it is meant for suffers."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass

_PIECE = 256


@dataclass(frozen=True)
class Chaos:
    """How bad: bytes a second, s of latency, share of seconds in which nothing moves."""

    bytes_per_s: float
    latency_s: float
    stalled: float


class ChaosProxy:
    """Forwards TCP; connections whose request names the victim go the bad way.

    Args:
        to_port: The CSMS's.
        victim: Identity.
    """

    def __init__(self, to_port: int, victim: str = "CP1") -> None:
        self._to_port, self._victim = to_port, victim
        self._chaos: Chaos | None = None
        self._random = random.Random(7)
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    def worsen(self, chaos: Chaos) -> None:
        """Be bad from now on."""
        self._chaos = chaos

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator["ChaosProxy"]:
        """Forward until the block ends."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            north_reader, north_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
        except (OSError, asyncio.IncompleteReadError):
            writer.close()
            return
        chaos = self._chaos if f"/{self._victim} ".encode() in head.split(b"\r\n")[0] else None
        north_writer.write(head)
        for source, sink in ((reader, north_writer), (north_reader, writer)):
            task = asyncio.create_task(self._pump(source, sink, chaos))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, chaos: Chaos | None) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):
            while data := await reader.read(_PIECE if chaos else 65_536):
                if chaos is not None:
                    await asyncio.sleep(chaos.latency_s + len(data) / chaos.bytes_per_s)
                    if self._random.random() < chaos.stalled:
                        await asyncio.sleep(1)
                writer.write(data)
                await writer.drain()
            writer.write_eof()
