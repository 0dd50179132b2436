"""This file is one end of a WebSocket, charger's or CSMS's; it guards that all its messages are journalled."""

import asyncio
import contextlib
import hashlib
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable

from bench.attack.frames import CLOSE, PING, PONG, TEXT, Assembler, Decoder, Frame, ViolationError, frame

Take = Callable[[bytes], Awaitable[None]]
READ_BYTES = 1 << 16


def digest(message: bytes) -> str:
    """Name a message."""
    return hashlib.sha256(message).hexdigest()


class Link:
    """One end after its handshake.

    Args:
        reader: Of the socket.
        writer: Of the socket.
        client: Whether this is the charger's end, whose frames are masked.
        assembler: How strictly it reads.

    Attributes:
        sent: Digests of messages in order; one is noted before it is written.
        received: Digests of messages in order.
        messages: Messages received.
        closed_with: Code of the Close frame received, None for none yet, 1005 for one without a code.
        violation: Why this end closed, "" for no reason.
        ended: Set when the socket has ended or this end gave it up.
        ended_by_peer: Whether the peer ended it.
        pongs: Pongs received.
        pings: Pings received.
        reads: Whether it reads at all; a slow reader does not.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, client: bool, assembler: Assembler
    ) -> None:
        self.reader, self.writer, self.client = reader, writer, client
        self.assembler = assembler
        self.decoder = Decoder()
        self.sent: list[str] = []
        self.received: list[str] = []
        self.messages: list[bytes] = []
        self.closed_with: int | None = None
        self.violation = ""
        self.ended = asyncio.Event()
        self.ended_by_peer = False
        self.pongs = self.pings = 0
        self.replies_to_close = True
        self.reads = asyncio.Event()
        self.reads.set()
        self._closing = False

    async def send(self, message: bytes, *, opcode: int = TEXT) -> None:
        """Send a message in one frame."""
        self.sent.append(digest(message))
        await self.write(frame(opcode, message, masked=self.client))

    async def write(self, wire: bytes) -> None:
        """Send bytes as they are."""
        with contextlib.suppress(ConnectionError, ssl.SSLError, RuntimeError):
            self.writer.write(wire)
            await self.writer.drain()

    def stall(self) -> None:
        """Read no more: the peer meets a zero window."""
        self.reads.clear()
        with contextlib.suppress(RuntimeError):
            self.writer.transport.pause_reading()  # type: ignore[attr-defined]  # sockets can

    def go_on(self) -> None:
        """Read again."""
        with contextlib.suppress(RuntimeError):
            self.writer.transport.resume_reading()  # type: ignore[attr-defined]  # sockets can
        self.reads.set()

    async def run(self, take: Take) -> None:
        """Read until the end; each message goes to `take`."""
        try:
            while True:
                await self.reads.wait()
                data = await self.reader.read(READ_BYTES)
                if not data:
                    self.ended_by_peer = not self._closing
                    break
                for got in self.decoder.feed(data):
                    await self._frame(got, take)
        except ViolationError as broken:
            self.violation = str(broken)
            await self.write(frame(CLOSE, broken.code.to_bytes(2, "big"), masked=self.client))
            with contextlib.suppress(OSError, TimeoutError, ssl.SSLError):
                async with asyncio.timeout(2):
                    while data := await self.reader.read(READ_BYTES):
                        self._note_close(data)
        except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            self.ended_by_peer = not self._closing
        finally:
            self.ended.set()
            self.writer.close()

    async def close(self, code: int = 1000) -> None:
        """End well."""
        self._closing = True
        if not self.ended.is_set():
            await self.write(frame(CLOSE, code.to_bytes(2, "big"), masked=self.client))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ended.wait(), 3)
        self.writer.close()

    def leave(self, *, reset: bool = False) -> None:
        """End the socket at once, with a reset or an end of stream."""
        self._closing = True
        sock = self.writer.get_extra_info("socket")
        if reset and sock is not None and sock.fileno() >= 0:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.writer.transport.abort()
        else:
            self.writer.close()

    async def _frame(self, got: Frame, take: Take) -> None:
        message = self.assembler.take(got)
        if got.opcode == PING:
            self.pings += 1
            await self.write(frame(PONG, got.payload, masked=self.client))
        elif got.opcode == PONG:
            self.pongs += 1
        elif got.opcode == CLOSE:
            self.closed_with = int.from_bytes(got.payload[:2], "big") or 1005
            if self.replies_to_close and not self._closing:
                await self.write(frame(CLOSE, got.payload[:2], masked=self.client))
                if not self.client:
                    with contextlib.suppress(OSError, RuntimeError):
                        self.writer.write_eof()
        if message is not None:
            self.received.append(digest(message))
            self.messages.append(message)
            await take(message)

    def _note_close(self, data: bytes) -> None:
        for got in self.decoder.feed(data):
            if got.opcode == CLOSE and self.closed_with is None:
                self.closed_with = int.from_bytes(got.payload[:2], "big") or 1005
