"""This file opens a TCP connection to a name.

It guards that an address of the name which does not answer delays a charger by a moment only.

A name is asked anew for each connection, so a change of its addresses holds from the next one on. Its addresses are
tried as RFC 8305 describes: families take turns, beginning with the one that the system puts first; the next address
is tried when one has failed or has not answered for `_NEXT_S`, while the earlier ones may still answer; the first that
answers wins and the others are closed. The address that won last time goes first while the name still has it.
"""

import asyncio
import contextlib
import socket
from collections.abc import Iterable
from itertools import zip_longest
from typing import Any, Final

_NEXT_S: Final = 0.25
"""RFC 8305's Connection Attempt Delay."""

Found = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[Any, ...]]
"""An address as the resolver gives it."""


async def reach(host: str, port: int, preferred: tuple[Any, ...] | None = None) -> socket.socket:
    """Give a connected socket, which the caller closes.

    Args:
        host: A name or an address.
        port: 1 to 65535.
        preferred: Address that goes first, if the name has it.

    Raises:
        OSError: The name has no address, or none can be reached; the first failure says why.
    """
    loop = asyncio.get_running_loop()
    found = in_turns(await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    found.sort(key=lambda one: one[4] != preferred)
    return await first_of(found)


def in_turns(found: Iterable[Found]) -> list[Found]:
    """Let families take turns, each in the resolver's order."""
    families: dict[int, list[Found]] = {}
    for one in found:
        families.setdefault(one[0], []).append(one)
    return [one for row in zip_longest(*families.values()) for one in row if one is not None]


async def first_of(addresses: Iterable[Found]) -> socket.socket:
    """Give a socket that is connected to the first address that answers, each tried a moment after the one before.

    Raises:
        OSError: None can be reached.
    """
    running: set[asyncio.Task[socket.socket]] = set()
    winner: socket.socket | None = None
    failure: BaseException | None = None
    waiting = iter(addresses)
    next_one = next(waiting, None)
    try:
        while winner is None and (next_one or running):
            if next_one:
                running.add(asyncio.create_task(_connect(next_one)))
                next_one = next(waiting, None)
            done, running = await asyncio.wait(
                running, timeout=_NEXT_S if next_one else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                if task.exception() is None and winner is None:
                    winner = task.result()
                elif task.exception() is None:
                    task.result().close()
                else:
                    failure = failure or task.exception()
    finally:
        for task in running:
            task.add_done_callback(_close)
            task.cancel()
    if winner is None:
        raise failure or OSError("the name has no address")
    return winner


async def _connect(address: Found) -> socket.socket:
    family, kind, protocol, _, place = address
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.get_running_loop().sock_connect(sock, place)
    except BaseException:
        sock.close()
        raise
    return sock


def _close(task: asyncio.Task[socket.socket]) -> None:
    """Close the socket of one that came too late."""
    with contextlib.suppress(asyncio.CancelledError, OSError):
        task.result().close()
