"""This file asks the kernel what a connection has carried; it guards that a byte budget counts more than payload.

Linux counts per connection in `struct tcp_info` (linux/tcp.h): `tcpi_bytes_received` at offset 128, `tcpi_bytes_sent`
at 200 (since 4.19, with retransmissions). Both count TCP payload: TLS is in it, packet headers are not.
"""

import os
import socket
import struct
from typing import Protocol

from isolane.health.links.counts import LinkCounts

_RECEIVED = struct.Struct("=128xQ")
_SENT = struct.Struct("=200xQ")
_INFO_BYTES = 208


class HasFileno(Protocol):
    """A socket, or what an event loop shows of one."""

    def fileno(self) -> int:
        """Give the descriptor, -1 if closed."""
        ...


def tcp_bytes(connection: HasFileno) -> tuple[int, int]:
    """Give the bytes a TCP connection has sent and received; (0, 0) if it is closed or the kernel is too old."""
    descriptor = connection.fileno()
    if descriptor < 0:
        return 0, 0
    # A duplicate, since an event loop may show a thing that is no socket.
    with socket.socket(fileno=os.dup(descriptor)) as same:
        info = same.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_BYTES)
    if len(info) < _INFO_BYTES:
        return 0, 0
    return _SENT.unpack_from(info)[0], _RECEIVED.unpack_from(info)[0]


class Meter:
    """Adds what one connection after the other has carried to a link's counts.

    Args:
        counts: Of the link.
    """

    def __init__(self, counts: LinkCounts) -> None:
        self._counts = counts
        self._connection: HasFileno | None = None
        self._seen = (0, 0)

    def read(self, connection: HasFileno) -> None:
        """Add what a connection has carried since it was read last."""
        if connection is not self._connection:
            self._connection, self._seen = connection, (0, 0)
        try:
            now = tcp_bytes(connection)
        except OSError:
            return
        sent, received = now[0] - self._seen[0], now[1] - self._seen[1]
        if sent >= 0 and received >= 0:
            self._counts.socket_sent_bytes += sent
            self._counts.socket_received_bytes += received
            self._seen = now
