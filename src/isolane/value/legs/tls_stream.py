"""This file is TLS between a TCP transport and a protocol.

It guards that the rest of the relay sees one kind of stream.

It exists beside the event loop's own TLS because a handshake must count from accept on (limits.preauth), because one
leg's end must reach the other as a half-close, and because it costs less a frame (`make bench-relay`).

Operation: ciphertext goes into a memory BIO, plaintext comes out and goes up in the same call; plaintext written is
encrypted and handed to TCP in the same call. Nothing is kept here but what OpenSSL keeps, so TCP's own write buffer
is the only queue and its pause and resume pass straight up. An end of stream without close_notify counts as an end of
stream: WebSocket has its own framing, and many chargers just close.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from typing import Any

from isolane.value.legs.stream import unread

_RECORD_BYTES = 16_384
"""The most that one record can hold (RFC 8446 §5.1), so the most that one read can give."""

_NOBODY = asyncio.Protocol()


class TlsStream(asyncio.Protocol):
    """A `Stream` over TLS. The protocol's `connection_made` comes after the handshake.

    Args:
        context: From `security.tls`.
        protocol: Who gets the plaintext. Its `connection_lost` gets the reason when the handshake fails.
        server: Whether this end is the server.
        name: The server's name that the peer must prove, for a client.
        opened: Told of the stream when TCP is connected, before the handshake.
    """

    __slots__ = (
        "_ended",
        "_finished",
        "_incoming",
        "_lost",
        "_opened",
        "_outgoing",
        "_protocol",
        "_tcp",
        "_tls",
        "_up",
    )

    def __init__(
        self,
        context: ssl.SSLContext,
        protocol: asyncio.Protocol,
        *,
        server: bool,
        name: str | None = None,
        opened: Callable[["TlsStream"], None] | None = None,
    ) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=server, server_hostname=name)
        self._protocol = protocol
        self._opened = opened
        self._tcp: asyncio.Transport
        self._up = False
        self._ended = False
        self._finished = False
        self._lost: Exception | None = None

    # What TCP says.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake."""
        self._tcp = transport  # type: ignore[assignment]  # TCP transports are asyncio.Transport
        if self._opened is not None:
            self._opened(self)
            self._opened = None
        if not self._tcp.is_closing():
            self._shake()

    def data_received(self, data: bytes) -> None:
        """Decrypt and pass up."""
        self._incoming.write(data)
        if self._up or self._shake():
            size = len(data)
            self._read(min(_RECORD_BYTES, size))

    def eof_received(self) -> bool:
        """Pass up what is left and the end of the stream; True keeps the other direction open."""
        self._incoming.write_eof()
        if not self._up:
            self._fail(ConnectionResetError("the peer left during the TLS handshake"))
            return False
        self._read(_RECORD_BYTES)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass up, before it what was received and is not read yet."""
        if exc is not None and self._up and self._lost is None:
            for data in unread(self._tcp):
                self._incoming.write(data)
            self._read(_RECORD_BYTES)
        protocol, self._protocol = self._protocol, _NOBODY  # it knows this stream: neither waits for the collector
        protocol.connection_lost(self._lost or exc)

    def pause_writing(self) -> None:
        """Pass up."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Pass up."""
        self._protocol.resume_writing()

    # What the protocol says.

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """See `Stream.write`."""
        tls = self._tls
        try:
            sent = tls.write(data)
            if sent < len(data):
                rest = memoryview(data)[sent:]
                while rest:
                    rest = rest[tls.write(rest) :]
        except ssl.SSLError as error:
            self._fail(error)
            return
        self._tcp.write(self._outgoing.read())

    def write_eof(self) -> None:
        """See `Stream.write_eof`: close_notify, then TCP's end."""
        if self._finished or self._tcp.is_closing():
            return
        with contextlib.suppress(ssl.SSLError):  # it wants the peer's close_notify, which comes as an end of stream
            self._tls.unwrap()
        self._flush()
        self._finished = True
        self._tcp.write_eof()

    def pause_reading(self) -> None:
        """See `Stream.pause_reading`; plaintext of the TCP read in hand still comes."""
        self._tcp.pause_reading()

    def resume_reading(self) -> None:
        """See `Stream.resume_reading`."""
        self._tcp.resume_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """See `Stream.set_write_buffer_limits`."""
        self._tcp.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        """See `Stream.get_write_buffer_size`."""
        return self._tcp.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - asyncio's signature
        """See `Stream.get_extra_info`."""
        return self._tls if name == "ssl_object" else self._tcp.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """See `Stream.set_protocol`."""
        self._protocol = protocol  # type: ignore[assignment]  # the relay's are asyncio.Protocol

    def is_closing(self) -> bool:
        """See `Stream.is_closing`."""
        return self._tcp.is_closing()

    def close(self) -> None:
        """See `Stream.close`."""
        if self._up and not self._tcp.is_closing():
            with contextlib.suppress(ssl.SSLError):
                self._tls.unwrap()
            self._flush()
        self._tcp.close()

    def abort(self) -> None:
        """See `Stream.abort`."""
        self._tcp.abort()

    # TLS.

    def _shake(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return False
        except ssl.SSLError as error:  # a certificate that does not verify is an SSLError too
            self._flush()  # the alert that says why
            self._fail(error)
            return False
        self._up = True
        self._flush()
        self._protocol.connection_made(self)  # type: ignore[arg-type]  # a `Stream`, not a transport
        return True

    def _read(self, size: int) -> None:
        """Pass up what is whole, `size` bytes at a time.

        A read that gives less than it was asked for has emptied its record; with no ciphertext left either there is
        nothing more, and OpenSSL need not be asked, which would answer with an exception.
        """
        tls, incoming = self._tls, self._incoming
        try:
            while True:
                data = tls.read(size)
                if not data:
                    self._end()
                    return
                self._protocol.data_received(data)
                if len(data) < size and not incoming.pending and not incoming.eof:
                    break
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            self._end()
            return
        except ssl.SSLError as error:
            self._flush()
            self._fail(error)
            return
        if self._outgoing.pending:
            self._flush()

    def _end(self) -> None:
        if self._ended or self._tcp.is_closing():
            return
        self._ended = True
        if not self._protocol.eof_received():
            self.close()

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data and not self._finished and not self._tcp.is_closing():
            self._tcp.write(data)  # some releases of OpenSSL have an answer even to the peer's close_notify

    def _fail(self, error: Exception) -> None:
        self._lost = error
        if self._up:
            self._tcp.abort()
        else:
            self._tcp.close()
