"""This file is a Modbus TCP peer without any library; it guards that it can answer as wrongly as a test wants."""

import asyncio
import struct
from collections.abc import Awaitable, Callable

from support.stream_server import StreamServer

MBAP = struct.Struct(">HHHB")
REQUEST_BYTES = 12

Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
"""Gets each request of a connection and writes what it likes."""


def frame(request: bytes, body: bytes, *, transaction: int | None = None, unit: int | None = None) -> bytes:
    """Wrap function and data of an answer to a request; the keywords make it wrong."""
    number = int.from_bytes(request[:2], "big") if transaction is None else transaction
    return MBAP.pack(number, 0, 1 + len(body), request[6] if unit is None else unit) + body


def registers(request: bytes, value: int = 2301) -> bytes:
    """Give function and data of the right answer, every register with one value."""
    count = int.from_bytes(request[10:12], "big")
    return bytes((request[7], 2 * count)) + value.to_bytes(2, "big") * count


async def good(request: bytes, writer: asyncio.StreamWriter) -> None:
    """Answer as a sound device."""
    writer.write(frame(request, registers(request)))


class ModbusPeer(StreamServer):
    """A device; `answer` may be changed while it runs."""

    def __init__(self, answer: Answer, *, greeting: bytes = b"", hang_up: bool = False) -> None:
        super().__init__()
        self.answer = answer
        self.requests: list[bytes] = []
        self._greeting = greeting
        self._hang_up = hang_up

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self._greeting)
        while not self._hang_up:
            request = await reader.readexactly(REQUEST_BYTES)
            self.requests.append(request)
            await self.answer(request, writer)
            await writer.drain()
