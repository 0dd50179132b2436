"""This file is a Modbus RTU peer over TCP without any library; it guards that it answers as wrongly as it is told."""

import asyncio
from collections.abc import Awaitable, Callable

from support.stream_server import StreamServer

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


class RtuPeer(StreamServer):
    """A device behind a serial server; `answer` may be changed while it runs."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer
        self.requests: list[bytes] = []

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await reader.readexactly(REQUEST_BYTES)
            assert crc(request[:-2]) == request[-2:], "a request with a wrong checksum"
            self.requests.append(request)
            await self.answer(request, writer)
            await writer.drain()
