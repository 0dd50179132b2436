"""This file is an HTTP server that takes what links post, well-behaved or not; it guards that it counts every request.

`take` is the target itself: it reads a request strictly and gives the answer. `mood` comes before it: whatever it gives
is answered instead, so that a proxy, a portal or a sick server can stand in front of the target.
"""

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import h11

from isolane.security.tls import server_context
from support.broker import Pki


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


@dataclass
class HttpTarget:
    """A server on loopback; it keeps its port when it is started again."""

    pki: Pki
    take: Callable[[Posted], Reply]
    mood: Callable[[Posted], Reply | None] = lambda _: None
    hangs: bool = False
    slow_s: float = 0.0
    port: int = 0
    asked: list[float] = field(default_factory=list)
    """When each request came, monotonic s."""
    connections: int = 0
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen."""
        tls = server_context(self.pki.server.certificate, self.pki.server.key, self.pki.ca)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and cut every connection."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._open:
            writer.transport.abort()
        while self._open:
            await asyncio.sleep(0.005)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        self.connections += 1
        try:
            await self._talk(reader, writer)
        except (OSError, ssl.SSLError, h11.RemoteProtocolError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(OSError, ssl.SSLError):
                await writer.wait_closed()
            self._open.discard(writer)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER)
        path, headers, body = "", {}, b""
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                data = await reader.read(65_536)
                connection.receive_data(data)
                if not data:
                    return
            elif isinstance(event, h11.Request):
                path, body = event.target.decode(), b""
                headers = {name.decode(): value.decode() for name, value in event.headers}
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                reply = await self._reply(Posted(path, headers, body), reader)
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
