"""This file says what a leg is; it guards that plain TCP and TLS are one kind of stream to the rest of the relay."""

import asyncio
import contextlib
import fcntl
import os
import socket
import struct
import termios
from collections.abc import Iterator
from typing import Any, Final, Protocol

_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER of zero: the end of the socket is a reset."""
_READ_BYTES: Final = 65_536


class Stream(Protocol):
    """What the relay asks of a leg, plain or TLS. The meaning is that of `asyncio.Transport`."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send, without waiting."""

    def write_eof(self) -> None:
        """Send what is waiting, then the end of the stream; reading goes on."""

    def pause_reading(self) -> None:
        """Give no more bytes up."""

    def resume_reading(self) -> None:
        """Give bytes up again."""

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Say when the protocol is paused and resumed."""

    def get_write_buffer_size(self) -> int:
        """Give the bytes that TCP has not taken yet."""
        ...

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - asyncio's signature
        """Give facts of the socket."""

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Give events to another protocol from now on."""

    def is_closing(self) -> bool:
        """Tell whether it is closed or about to."""
        ...

    def close(self) -> None:
        """End both directions when what is waiting is sent."""

    def abort(self) -> None:
        """End both directions at once."""


def keep_alive(sock: socket.socket, dead_s: float) -> None:
    """Make TCP notice within `dead_s` that a peer cannot be reached, whether or not something is being sent to it.

    Source: tcp(7). Probes begin after half of the time, three fit into the rest; TCP_USER_TIMEOUT says when it is over.
    """
    idle_s = max(1, int(dead_s / 2))
    # The loop's own socket object makes a new one for each option; this one is made once and lets go of the descriptor.
    # Options are the same for both families.
    own = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, fileno=sock.fileno())
    try:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle_s)
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, max(1, idle_s // 3))
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(dead_s * 1000))
    finally:
        own.detach()


def reset(stream: Stream) -> None:
    """End a leg with a reset, or, where it has not taken all its bytes yet, with those."""
    sock = stream.get_extra_info("socket")
    if sock is None or sock.fileno() < 0 or stream.get_write_buffer_size() or _unsent(sock):
        stream.close()
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    stream.abort()


def unread(stream: Stream) -> Iterator[bytes]:
    """Give what a leg has received that nobody has read, for a protocol whose connection is lost.

    A peer that refuses what it is being sent says why, closes and so resets. Where that reset is met by a write before
    the reason was read, the event loop ends the connection and reads no more; the system still has the reason.
    """
    sock = stream.get_extra_info("socket")
    if sock is None or sock.fileno() < 0 or stream.get_extra_info("ssl_object") is not None:  # TlsStream has read it
        return
    with contextlib.suppress(OSError):
        while data := os.read(sock.fileno(), _READ_BYTES):
            yield data


def _unsent(sock: socket.socket) -> bool:
    """Tell whether the peer has not acknowledged all bytes yet."""
    return fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0\0\0\0") != b"\0\0\0\0"
