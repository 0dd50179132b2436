"""This file opens TCP connections as the budget wants them, and asks the kernel what they carried.

It guards that what a carrier bills is counted: payload, TLS, retransmissions and packet headers.

Linux counts in `struct tcp_info` (linux/tcp.h): options at offset 5, `tcpi_rtt` at 68, `tcpi_bytes_received` at 128,
`tcpi_segs_out` and `tcpi_segs_in` at 136, `tcpi_min_rtt` at 148, `tcpi_bytes_sent` at 200 (since 4.19).
"""

import array
import asyncio
import contextlib
import fcntl
import socket
import struct
import termios
from dataclasses import dataclass

from isolane.health.budget.settings import BudgetSettings

_INFO = struct.Struct("=5xB62xI56xQIIxxxxI48xQ")
_TIMESTAMPS = 1
ACK_DELAY_S = 0.04
"""How long a receiver may keep an acknowledgement back; it is no queue."""
_UNSENT = 0x894B
"""SIOCOUTQNSD: bytes TCP has not sent once. Source: linux/sockios.h."""
_FILLER = 1
"""TC_PRIO_FILLER of linux/pkt_sched.h: after all others, where the kernel's own queue orders by it."""
_SEND_BUFFER_BYTES = 8192
_SEND_BUFFER_S = 0.25
"""What may be under way, at the full rate: more than the round trip of a mobile network."""
_NOT_SENT_BYTES = 1024
_TCP_NOTSENT_LOWAT = 25
_SO_MAX_PACING_RATE = 47
_PACING_ROOM = 1.25
_V4_HEADER_BYTES, _V6_HEADER_BYTES, _TIMESTAMP_BYTES = 40, 60, 12


@dataclass(frozen=True, slots=True)
class Carried:
    """What one connection has carried so far.

    Attributes:
        sent: TCP payload and retransmissions, bytes.
        received: TCP payload, bytes.
        packets: All of both directions with headers, bytes.
        queue_s: Smoothed round trip above the least of the last minutes, s.
        least_s: That least, s; hours while none was measured.
    """

    sent: int = 0
    received: int = 0
    packets: int = 0
    queue_s: float = 0.0
    least_s: float = 0.0


def header_bytes(family: int) -> int:
    """Give the bytes of IP and TCP header of a data segment with timestamps."""
    return (_V6_HEADER_BYTES if family == socket.AF_INET6 else _V4_HEADER_BYTES) + _TIMESTAMP_BYTES


def carried(connection: socket.socket) -> Carried:
    """Ask the kernel what an open TCP connection has carried."""
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size)
    if len(info) < _INFO.size:
        return Carried()
    options, rtt_us, received, segments_out, segments_in, least_us, sent = _INFO.unpack(info)
    header = header_bytes(connection.family) - (0 if options & _TIMESTAMPS else _TIMESTAMP_BYTES)
    packets = sent + received + (segments_out + segments_in) * header
    return Carried(sent, received, packets, max(0, rtt_us - least_us) / 1e6, least_us / 1e6)


def unsent_bytes(connection: socket.socket) -> int:
    """Ask the kernel how much waits in a connection's send buffer and was never sent."""
    return _ask(connection, _UNSENT)


def unacknowledged_bytes(connection: socket.socket) -> int:
    """Ask the kernel how much the other end has not acknowledged (TCP) or not read (a socket pair)."""
    return _ask(connection, termios.TIOCOUTQ)


def waiting_bytes(connection: socket.socket) -> int:
    """Ask the kernel how much there is to read."""
    return _ask(connection, termios.FIONREAD)


def _ask(connection: socket.socket, what: int) -> int:
    count = array.array("i", [0])
    fcntl.ioctl(connection.fileno(), what, count)
    return count[0]


async def connect(host: str, port: int, dead_s: int, settings: BudgetSettings) -> socket.socket:
    """Open a connection, trying each address of a name in turn.

    Raises:
        OSError: None could be reached, or the interface or own address cannot be used.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    failure = OSError(f"{host} has no address")
    for family, _, _, _, address in found:
        connection = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            _prepare(connection, dead_s, settings)
            await loop.sock_connect(connection, address)
        except OSError as error:
            connection.close()
            failure = error
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise failure


def _prepare(connection: socket.socket, dead_s: int, settings: BudgetSettings) -> None:
    tcp, own = socket.IPPROTO_TCP, socket.SOL_SOCKET
    if settings.interface is not None:
        connection.setsockopt(own, socket.SO_BINDTODEVICE, settings.interface.encode())
    if settings.source is not None:
        connection.bind((settings.source, 0))
    if settings.segment_bytes_max is not None:
        connection.setsockopt(tcp, socket.TCP_MAXSEG, settings.segment_bytes_max)
    if connection.family == socket.AF_INET6:
        connection.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, settings.dscp << 2)
    else:
        connection.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, settings.dscp << 2)
    # After the mark, which sets it too.
    connection.setsockopt(own, socket.SO_PRIORITY, _FILLER)
    connection.setsockopt(tcp, socket.TCP_NODELAY, 1)
    connection.setsockopt(tcp, socket.TCP_USER_TIMEOUT, dead_s * 1000)
    connection.setsockopt(tcp, _TCP_NOTSENT_LOWAT, _NOT_SENT_BYTES)
    buffer_bytes = max(_SEND_BUFFER_BYTES, min(int(settings.ceiling_bytes_s * _SEND_BUFFER_S), 1 << 20))
    connection.setsockopt(own, socket.SO_SNDBUF, buffer_bytes)
    pacing = min(int(settings.ceiling_bytes_s * _PACING_ROOM), 0xFFFF_FFFE)
    with contextlib.suppress(OSError):  # the second line; the first does not need it
        connection.setsockopt(own, _SO_MAX_PACING_RATE, pacing)
