"""This file stands before a real broker and knows MQTT 3.1.1 only; it guards that it refuses 5 as such brokers do."""

import asyncio
import contextlib
import ssl
from collections import Counter
from dataclasses import dataclass, field

from isolane.security.tls import client_context, server_context
from support.broker import Pki

_REFUSED = bytes((0x20, 2, 0, 1))
_V311 = 4


@dataclass
class OldBroker:
    """Refuses MQTT 5 with return code 1, passes 3.1.1 on."""

    pki: Pki
    behind: int
    port: int = 0
    levels: Counter[int] = field(default_factory=Counter)
    flags: list[int] = field(default_factory=list)
    """Connect flags of each CONNECT."""
    properties: list[bytes] = field(default_factory=list)
    """Properties of each CONNECT of MQTT 5."""
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen."""
        tls = server_context(self.pki.server.certificate, self.pki.server.key, self.pki.ca)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ssl.SSLError, asyncio.IncompleteReadError):
            first = await reader.readexactly(2)
            while first[-1] & 0x80:
                first += await reader.readexactly(1)
            head = await reader.readexactly(8)
            self.levels[head[6]] += 1
            self.flags.append(head[7])
            if head[6] == _V311:
                tls = client_context(self.pki.ca, self.pki.gateway.certificate, self.pki.gateway.key)
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.behind, ssl=tls)
                far_writer.write(first + head)
                await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
            else:
                self.properties.append(await _properties(reader))
                writer.write(_REFUSED)
                await writer.drain()
        writer.transport.abort()


async def _properties(reader: asyncio.StreamReader) -> bytes:
    await reader.readexactly(2)  # keep alive
    (length,) = await reader.readexactly(1)
    return await reader.readexactly(length)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, ssl.SSLError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()
