"""This file stands before a real broker and knows MQTT 3.1.1 only; it guards that it refuses 5 as such brokers do."""

import asyncio
import contextlib
import ssl
from collections import Counter

from isolane.security.tls import client_context, server_context
from support.broker import Pki
from support.stream_server import StreamServer

_REFUSED = bytes((0x20, 2, 0, 1))
_V311 = 4


class OldBroker(StreamServer):
    """Refuses MQTT 5 with return code 1, passes 3.1.1 on.

    Attributes:
        levels: Connections by the protocol level that they spoke.
        flags: Connect flags of each CONNECT.
        properties: Properties of each CONNECT of MQTT 5.
    """

    def __init__(self, pki: Pki, behind: int) -> None:
        super().__init__(server_context(pki.server.certificate, pki.server.key, pki.ca))
        self._pki, self._behind = pki, behind
        self.levels: Counter[int] = Counter()
        self.flags: list[int] = []
        self.properties: list[bytes] = []

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ssl.SSLError, asyncio.IncompleteReadError):
            first = await reader.readexactly(2)
            while first[-1] & 0x80:
                first += await reader.readexactly(1)
            head = await reader.readexactly(8)
            self.levels[head[6]] += 1
            self.flags.append(head[7])
            if head[6] == _V311:
                tls = client_context(self._pki.ca, self._pki.gateway.certificate, self._pki.gateway.key)
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._behind, ssl=tls)
                far_writer.write(first + head)
                try:
                    await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
                finally:
                    far_writer.transport.abort()
            else:
                self.properties.append(await _properties(reader))
                writer.write(_REFUSED)
                await writer.drain()


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
