"""This file holds the connection to a syslog server; it guards that "written" is never taken for "delivered".

Syslog has no answer. The best there is: every octet has been acknowledged by the TCP of the server's machine (the
kernel's send queue is empty), and the server had not closed the connection by then. What a server had received and not
yet processed when it died is lost, and nobody can know.

A server refuses a client certificate only after the handshake (TLS 1.3), so a new connection is watched for a moment
before anything is sent over it.
"""

import array
import asyncio
import fcntl
import socket
import termios

from isolane.health.links.counts import LinkCounts
from isolane.health.links.syslog.settings import SyslogSettings
from isolane.health.links.traffic import HasFileno, Meter
from isolane.health.links.way import Passage, Way
from isolane.security.tls import client_context

_LOOK_S_FIRST, _LOOK_S_MAX = 0.001, 0.05


class Connection:
    """One TLS connection at a time, opened when it is needed.

    Args:
        settings: The table.
        counts: Of the link.
        way: The way out; None: by itself.
    """

    def __init__(self, settings: SyslogSettings, counts: LinkCounts, way: Way | None = None) -> None:
        client_context(settings.ca, settings.certificate, settings.key)
        self._settings = settings
        self._counts = counts
        self._way = way
        self._passage: Passage | None = None
        self._meter = Meter(counts)
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._plain: asyncio.WriteTransport | None = None

    async def deliver(self, data: bytes) -> None:
        """Write octets and wait until the other machine has them all.

        Raises:
            OSError: The server cannot be reached, is not who it should be, has closed, or does not acknowledge in time.
            IsolaneError: A certificate or key cannot be read any more.
        """
        try:
            async with asyncio.timeout(self._settings.dead_s):
                reader, writer = await self._ready()
                writer.write(data)
                await writer.drain()
                await self._acknowledged(reader, writer)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Cut the connection."""
        if self._writer is not None:
            self._read_meter()
            self._writer.transport.abort()
        if self._plain is not None:
            self._plain.abort()
        self._reader = self._writer = self._plain = self._passage = None

    async def _ready(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._reader is not None and self._writer is not None:
            if not _is_over(self._reader, self._writer):
                return self._reader, self._writer
            self.close()
        settings = self._settings
        context = client_context(settings.ca, settings.certificate, settings.key)
        reader, writer = await self._open()
        self._plain, self._writer = writer.transport, writer
        await writer.start_tls(context, server_hostname=settings.host)
        await self._settle(reader)
        if _is_over(reader, writer):
            raise ConnectionError("the server closed the connection after the handshake: does it take our certificate?")
        self._reader = reader
        return reader, writer

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        settings = self._settings
        if self._way is not None:
            self._passage = await self._way.connect(settings.host, settings.port, settings.dead_s, self._counts)
            return await asyncio.open_connection(sock=self._passage.inner)
        reader, writer = await asyncio.open_connection(settings.host, settings.port)
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, settings.dead_s * 1000)
        return reader, writer

    async def _settle(self, reader: asyncio.StreamReader) -> None:
        try:
            async with asyncio.timeout(self._settings.settle_s):
                await reader.read(1)
        except TimeoutError:
            return

    async def _acknowledged(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        look_s = _LOOK_S_FIRST
        sock = writer.get_extra_info("socket")
        while self._unsent() or self._unacknowledged(sock):
            if _is_over(reader, writer):
                break
            await asyncio.sleep(look_s)
            look_s = min(2 * look_s, _LOOK_S_MAX)
        # Once round the loop, so that an end that has arrived is seen.
        await asyncio.sleep(0)
        if _is_over(reader, writer):
            raise ConnectionError("the server closed the connection")
        self._read_meter()

    def _unacknowledged(self, sock: HasFileno) -> int:
        passage = self._passage
        return _unacknowledged_bytes(sock.fileno()) if passage is None else passage.unacknowledged_bytes()

    def _unsent(self) -> int:
        return self._plain.get_write_buffer_size() if self._plain is not None else 0

    def _read_meter(self) -> None:
        sock = self._writer.get_extra_info("socket") if self._writer is not None else None
        if sock is not None:
            self._meter.read(sock)


def _is_over(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    return reader.at_eof() or reader.exception() is not None or writer.is_closing()


def _unacknowledged_bytes(descriptor: int) -> int:
    """Ask the kernel how much the peer has not acknowledged. Source: tcp(7), SIOCOUTQ."""
    if descriptor < 0:
        return 0
    count = array.array("i", [0])
    fcntl.ioctl(descriptor, termios.TIOCOUTQ, count)
    return count[0]
