"""This file is an HTTP server that takes what links post, well-behaved or not; it guards that it counts every request.

`take` is the target itself: it reads a request strictly and gives the answer. `mood` comes before it: whatever it gives
is answered instead, so that a proxy, a portal or a sick server can stand in front of the target.
"""

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass

import h11

from isolane.security.tls import server_context
from support.broker import Pki
from support.stream_server import StreamServer


@dataclass(frozen=True)
class Posted:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """One answer."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


class HttpTarget(StreamServer):
    """A server with TLS that asks for a certificate.

    Args:
        pki: Whose certificates are used from the next start on.
        take: Reads a request and gives the answer.

    Attributes:
        mood: Answers before `take` where it gives something.
        hangs: Whether no request is answered.
        slow_s: How long an answer takes.
        closes_at: At so many bytes of a connection it is cut, whatever is under way.
        loses: So many answers are lost: the request is taken, then the connection cut.
        asked: When each request was there, monotonic s.
    """

    def __init__(self, pki: Pki, take: Callable[[Posted], Reply]) -> None:
        super().__init__()
        self.pki = pki
        self.take = take
        self.mood: Callable[[Posted], Reply | None] = lambda _: None
        self.hangs = False
        self.slow_s = 0.0
        self.closes_at: int | None = None
        self.loses = 0
        self.asked: list[float] = []

    def tls(self) -> ssl.SSLContext:
        return server_context(self.pki.server.certificate, self.pki.server.key, self.pki.ca)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER)
        path, headers, body, came = "", {}, b"", 0
        with contextlib.suppress(h11.RemoteProtocolError):
            while True:
                event = connection.next_event()
                if event is h11.NEED_DATA:
                    data = await reader.read(65_536)
                    came += len(data)
                    if not data or (self.closes_at is not None and came >= self.closes_at):
                        writer.transport.abort()
                        return
                    connection.receive_data(data)
                elif isinstance(event, h11.Request):
                    path, body = event.target.decode(), b""
                    headers = {name.decode(): value.decode() for name, value in event.headers}
                elif isinstance(event, h11.Data):
                    body += bytes(event.data)
                elif isinstance(event, h11.EndOfMessage):
                    reply = await self._reply(Posted(path, headers, body), reader)
                    if self.loses:
                        self.loses -= 1
                        writer.transport.abort()
                        return
                    head = [("content-length", str(len(reply.body))), *reply.headers]
                    writer.write(connection.send(h11.Response(status_code=reply.status, headers=head)) or b"")
                    writer.write(connection.send(h11.Data(data=reply.body)) or b"")
                    writer.write(connection.send(h11.EndOfMessage()) or b"")
                    await writer.drain()
                    connection.start_next_cycle()
                else:
                    return

    async def _reply(self, request: Posted, reader: asyncio.StreamReader) -> Reply:
        self.asked.append(time.monotonic())
        if self.hangs:
            await reader.read()
        if self.slow_s:
            await asyncio.sleep(self.slow_s)
        return self.mood(request) or self.take(request)
