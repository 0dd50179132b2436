"""This file asks the network how it is; it guards that it needs no right that a plain user has not, and starts nothing.

An echo goes through the kernel's own ICMP sockets for plain users; where the system allows none, there are only TCP
connections. A trace sends UDP datagrams that live for so many hops and reads from the socket's error queue who ended
them (Linux, `man 7 ip`, IP_RECVERR). Nothing is sent to anywhere but the address that is given.
"""

import asyncio
import contextlib
import ipaddress
import os
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_WAIT_S: Final = 2.0
_ECHO: Final = struct.Struct(">BBHHH")
_PAYLOAD: Final = bytes(24)
_PORT: Final = 33_434
"""Where traces begin; nobody is expected to listen there."""
_RECEIVE_ERRORS: Final = {socket.AF_INET: (socket.IPPROTO_IP, 11), socket.AF_INET6: (socket.IPPROTO_IPV6, 25)}
"""IP_RECVERR and IPV6_RECVERR; Python names neither before 3.14."""
_ERROR_QUEUE: Final = 0x2000
_ERROR: Final = struct.Struct("=IBBBBII")
_BY_ICMP, _BY_ICMP6 = 2, 3
_UNREACHABLE: Final = {_BY_ICMP: 3, _BY_ICMP6: 1}

Ancillary = tuple[int, int, bytes]


@dataclass(frozen=True, slots=True)
class Place:
    """An address that was looked up, and the port that is asked for, if any."""

    family: socket.AddressFamily
    address: str
    port: int | None


@dataclass(frozen=True, slots=True)
class Hop:
    """Who ended a datagram, if anybody said so, after how long, and whether that was the end of the way."""

    by: str | None
    ms: float | None
    is_end: bool = False


async def look_up(host: str, port: int | None) -> Place:
    """Look up a host.

    Raises:
        OSError: It has no address.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(3 * _WAIT_S):
        found = await loop.getaddrinfo(host, port or 0, type=socket.SOCK_STREAM)
    family, _, _, _, address = found[0]
    return Place(family, str(address[0]), port)


async def echo(place: Place, count: int) -> list[float | None] | None:
    """Send ICMP echoes one after another; give ms of each, None for one that did not come back.

    Returns:
        None where the system allows a plain user none.
    """
    is_v6 = place.family == socket.AF_INET6
    protocol = socket.IPPROTO_ICMPV6 if is_v6 else socket.IPPROTO_ICMP
    try:
        own = socket.socket(place.family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, protocol)
    except OSError:
        return None
    with own:
        try:
            own.connect((place.address, 0))
        except OSError:
            return [None] * count
        return [await _echoed(own, number, 128 if is_v6 else 8) for number in range(1, count + 1)]


async def _echoed(own: socket.socket, number: int, kind: int) -> float | None:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    try:
        async with asyncio.timeout(_WAIT_S):
            await loop.sock_sendall(own, _ECHO.pack(kind, 0, 0, 0, number) + _PAYLOAD)
            while True:
                told = await loop.sock_recv(own, 256)
                if len(told) >= _ECHO.size and _ECHO.unpack_from(told)[4] == number:
                    return round((loop.time() - begun) * 1000, 3)
    except OSError:  # a TimeoutError is one
        return None


async def connect(place: Place, count: int) -> list[float | str]:
    """Open TCP connections one after another; give ms of each, or in a word why there was none."""
    found: list[float | str] = []
    loop = asyncio.get_running_loop()
    for _ in range(count):
        begun = loop.time()
        try:
            async with asyncio.timeout(_WAIT_S):
                _, writer = await asyncio.open_connection(place.address, place.port)
        except OSError as error:
            found.append("timeout" if isinstance(error, TimeoutError) else os.strerror(error.errno or 0))
            continue
        found.append(round((loop.time() - begun) * 1000, 3))
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    return found


async def trace(place: Place, hops: int) -> list[Hop]:
    """Send a datagram that lives for one hop, one for two, until one has come to the end; at most so many."""
    found: list[Hop] = []
    for ttl in range(1, hops + 1):
        found.append(await _hop(place, ttl))
        if found[-1].is_end:
            break
    return found


async def _hop(place: Place, ttl: int) -> Hop:
    loop = asyncio.get_running_loop()
    level, receive_errors = _RECEIVE_ERRORS[place.family]
    lives = socket.IPV6_UNICAST_HOPS if level == socket.IPPROTO_IPV6 else socket.IP_TTL
    told = asyncio.Event()
    with socket.socket(place.family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as own:
        own.setsockopt(level, lives, ttl)
        own.setsockopt(level, receive_errors, 1)
        loop.add_reader(own, told.set)
        begun = loop.time()
        try:
            own.sendto(_PAYLOAD, (place.address, _PORT + ttl))
            async with asyncio.timeout(_WAIT_S):
                await told.wait()
            ancillary = own.recvmsg(512, 512, _ERROR_QUEUE)[1]
        except OSError:
            return Hop(None, None)
        finally:
            loop.remove_reader(own)
    by, is_end = ended_by(ancillary)
    return Hop(by, round((loop.time() - begun) * 1000, 3), is_end)


def ended_by(ancillary: Iterable[Ancillary]) -> tuple[str | None, bool]:
    """Read from the error queue who ended a datagram, and whether that was the end of its way."""
    for level, kind, data in ancillary:
        if (level, kind) not in _RECEIVE_ERRORS.values() or len(data) < _ERROR.size:
            continue
        _, origin, icmp, _, _, _, _ = _ERROR.unpack_from(data)
        if origin not in _UNREACHABLE:
            continue
        begin, size = (4, 4) if origin == _BY_ICMP else (8, 16)
        address = data[_ERROR.size + begin : _ERROR.size + begin + size]
        if len(address) == size:
            return str(ipaddress.ip_address(address)), icmp == _UNREACHABLE[origin]
    return None, False
