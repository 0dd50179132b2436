"""This file holds WebSocket peers that speak bytes: no library between a test and the wire."""

import asyncio
import base64
import contextlib
import hashlib
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""RFC 6455 §1.3's example."""

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def frame(opcode: int, payload: bytes, *, mask: bytes = b"", fin: bool = True, rsv1: bool = False) -> bytes:
    """Write a frame; four bytes of `mask` make it a charger's."""
    bit = 0x80 if mask else 0
    first = (0x80 if fin else 0) | (0x40 if rsv1 else 0) | opcode
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", first, bit | size)
    elif size < 65_536:
        head = struct.pack("!BBH", first, bit | 126, size)
    else:
        head = struct.pack("!BBQ", first, bit | 127, size)
    return head + mask + (masked(payload, mask) if mask else payload)


def masked(payload: bytes, mask: bytes) -> bytes:
    """Apply a mask, which also takes it off."""
    size = len(payload)
    stream = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")).to_bytes(size, "big")


def close_code(wire: bytes) -> int:
    """Give the status of the Close frame that begins here, unmasking it where it is masked."""
    assert wire[0] == 0x80 | CLOSE, wire[:4]
    if wire[1] & 0x80:
        return int.from_bytes(masked(wire[6:8], wire[2:6]), "big")
    return int.from_bytes(wire[2:4], "big")


def request(target: str, *fields: str, host: str = "gateway") -> bytes:
    """Write a charger's handshake."""
    lines = [
        f"GET {target} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {KEY}",
        "Sec-WebSocket-Version: 13",
        *fields,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def accept(head: bytes, *fields: str) -> bytes:
    """Write a CSMS's 101 for a request head."""
    key = next(line[19:] for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key: "))
    digest = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()  # noqa: S324 - RFC 6455
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
    return "\r\n".join([*lines, f"Sec-WebSocket-Accept: {digest}", *fields, "", ""]).encode()


@dataclass
class Peer:
    """One end of a connection, after its handshake.

    Attributes:
        head: The other end's head, with the empty line.
    """

    head: bytes
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def reset(self) -> None:
        """End with a reset."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(1, 13, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def close(self) -> None:
        """End and wait for the end."""
        self.writer.close()
        with contextlib.suppress(OSError, ssl.SSLError):
            await self.writer.wait_closed()


async def end(writer: asyncio.StreamWriter) -> None:
    """End a socket at once and wait until it is gone."""
    with contextlib.suppress(AttributeError):  # CPython before 3.11.3 cannot abort TLS that has ended already
        writer.transport.abort()
    with contextlib.suppress(OSError, ssl.SSLError):
        await writer.wait_closed()


class RawCsms:
    """A CSMS that answers each handshake with bytes and hands the connection to the test.

    Attributes:
        port: Where it listens.
        heads: Requests it got, each with its empty line.
    """

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self._answer = answer
        self._peers: asyncio.Queue[Peer] = asyncio.Queue()
        self._open: list[asyncio.StreamWriter] = []
        self.port = 0
        self.heads: list[bytes] = []

    async def accepted(self) -> Peer:
        """Give the next connection that was answered."""
        async with asyncio.timeout(10):
            return await self._peers.get()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection."""
        self._open.append(writer)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head)
            answer = self._answer(head)
            writer.write(answer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            return
        if b" 101 " in answer[:14]:
            self._peers.put_nowait(Peer(head, reader, writer))
        else:
            writer.close()

    async def abandon(self) -> None:
        """End every connection."""
        for writer in self._open:
            await end(writer)


@asynccontextmanager
async def raw_csms(
    answer: Callable[[bytes], bytes] = accept, context: ssl.SSLContext | None = None, *, port: int = 0
) -> AsyncIterator[RawCsms]:
    """Serve until the block ends."""
    csms = RawCsms(answer)
    server = await asyncio.start_server(csms.serve, "127.0.0.1", port, ssl=context, limit=1 << 22)
    csms.port = server.sockets[0].getsockname()[1]
    try:
        yield csms
    finally:
        server.close()
        await csms.abandon()


async def ask(port: int, wire: bytes, context: ssl.SSLContext | None = None) -> Peer:
    """Connect, send a handshake, read the answer's head."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context, server_hostname="127.0.0.1" if context else None, limit=1 << 22
    )
    writer.write(wire)
    async with asyncio.timeout(10):
        return Peer(await reader.readuntil(b"\r\n\r\n"), reader, writer)
