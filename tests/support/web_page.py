"""This file is a web server for tests, on plain sockets; it guards that it can answer as wrongly as a test wants."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable

from support.stream_server import StreamServer

Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
"""Gets the head of each request and writes what it likes."""


def response(body: bytes, status: str = "200 OK", more: str = "") -> bytes:
    """Give a whole HTTP/1.1 response."""
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body


def says(body: bytes, status: str = "200 OK", more: str = "") -> Answer:
    """Give an answer that is always the same."""

    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(response(body, status, more))

    return answer


class WebPage(StreamServer):
    """A page; `answer` may be changed while it runs."""

    def __init__(self, answer: Answer, context: ssl.SSLContext | None = None) -> None:
        super().__init__(context)
        self.answer = answer
        self.heads: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http{'s' if self._context else ''}://{self.address}/status"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head)
            await self.answer(head, writer)
            await writer.drain()
