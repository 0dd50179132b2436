"""This file is a Modbus RTU peer over TCP without any library; it guards that it answers as wrongly as it is told."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from isolane.config.values import Address

REQUEST_BYTES = 8

Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


def crc(data: bytes) -> bytes:
    """Give the checksum bit by bit, as the standard's text says it, not as our table does."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
    return bytes((value & 0xFF, value >> 8))


def frame(request: bytes, body: bytes, *, unit: int | None = None) -> bytes:
    """Wrap function and data of an answer; `unit` makes it a stranger's."""
    data = bytes((request[0] if unit is None else unit,)) + body
    return data + crc(data)


def registers(request: bytes, value: int = 2301) -> bytes:
    """Give function and data of the right answer, every register with one value."""
    count = int.from_bytes(request[4:6], "big")
    return bytes((request[1], 2 * count)) + value.to_bytes(2, "big") * count


async def good(request: bytes, writer: asyncio.StreamWriter) -> None:
    """Answer as a sound device."""
    writer.write(frame(request, registers(request)))


class RtuPeer:
    """Listens on loopback; `answer` may be changed while it runs."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.connections = 0
        self.requests: list[bytes] = []
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._port = 0

    @property
    def address(self) -> Address:
        return Address("127.0.0.1", self._port)

    async def start(self) -> None:
        """Listen; again on the same port after `stop`."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the listener and every connection."""
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                while True:
                    request = await reader.readexactly(REQUEST_BYTES)
                    assert crc(request[:-2]) == request[-2:], "a request with a wrong checksum"
                    self.requests.append(request)
                    await self.answer(request, writer)
                    await writer.drain()
        finally:
            self._writers.discard(writer)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
