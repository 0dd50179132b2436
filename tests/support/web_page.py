"""This file is a web server for tests, on plain sockets; it guards that it can answer as wrongly as a test wants."""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable

from isolane.config.values import Address

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


class WebPage:
    """Listens on loopback; `answer` may be changed while it runs."""

    def __init__(self, answer: Answer, context: ssl.SSLContext | None = None) -> None:
        self.answer = answer
        self.heads: list[bytes] = []
        self.connections = 0
        self._context = context
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._port = 0

    @property
    def address(self) -> Address:
        return Address("127.0.0.1", self._port)

    @property
    def url(self) -> str:
        return f"http{'s' if self._context else ''}://127.0.0.1:{self._port}/status"

    async def start(self) -> None:
        """Listen; again on the same port after `stop`."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port, ssl=self._context)
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
                    head = await reader.readuntil(b"\r\n\r\n")
                    self.heads.append(head)
                    await self.answer(head, writer)
                    await writer.drain()
        finally:
            self._writers.discard(writer)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
