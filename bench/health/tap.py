"""This file stands between a client and its server and counts; it guards that what is counted is all that TCP carried.

It passes bytes on as they come, so TLS handshakes, records, headers and acknowledgements of the protocol above are in
it; headers of TCP and IP are not.
"""

import asyncio
import contextlib
import threading
from dataclasses import dataclass
from typing import Self

_CHUNK = 1 << 16


@dataclass
class Carried:
    """What has passed, in bytes."""

    up: int = 0
    down: int = 0

    @property
    def both(self) -> int:
        """Both ways."""
        return self.up + self.down


class Tap:
    """A relay on loopback before a server, in a thread of its own.

    Args:
        port: Of the server.
    """

    def __init__(self, port: int) -> None:
        self.carried = Carried()
        self.port = 0
        self._target = port
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        """Close everything."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            there, onward = await asyncio.open_connection("127.0.0.1", self._target)
            ways = [
                asyncio.create_task(self._copy(reader, onward, "up")),
                asyncio.create_task(self._copy(there, writer, "down")),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
                onward.close()
        writer.close()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: str) -> None:
        while data := await reader.read(_CHUNK):
            setattr(self.carried, way, getattr(self.carried, way) + len(data))
            writer.write(data)
            await writer.drain()
