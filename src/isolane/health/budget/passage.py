"""This file carries one link's bytes between a socket pair and its real connection; it guards that none is changed.

Constraints: what comes from the library is read only when it may be sent, a segment at a time, so that a far end that
stands still fills two small buffers and no memory. What comes from the far end is passed on at once.
Ends: an end of either side is passed on as an end once all before it has been; a connection that breaks closes both.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Protocol

from isolane.health.budget import tcp
from isolane.health.budget.tcp import Carried
from isolane.health.budget.turnstile import SEGMENT_BYTES_MAX, Turnstile

_DOWN_BYTES = 16_384
_PAIR_BYTES = 4096
"""Asked of each buffer of the pair; the kernel doubles it."""
_LINGER_S = 5.0
"""How long one direction may go on after the other has ended."""
_NOT_SENT_BYTES_MAX = 1024
_CONFIRMED_S = 0.01
"""How often it is asked whether what is under way was confirmed; the kernel does not tell of itself."""


class Traffic(Protocol):
    """Where a link counts what its connections carry."""

    socket_sent_bytes: int
    socket_received_bytes: int


class Passage:
    """One connection of a link.

    Args:
        outer: The real connection.
        turnstile: Says when.
        traffic: Of the link.
        is_first: Whether the link goes first.
        note: Told what has been carried since it was told last: bytes of packets, queue in s.

    Attributes:
        inner: What the library believes to be its connection.
        idle: Set while nothing waits to be sent.
    """

    def __init__(
        self,
        outer: socket.socket,
        turnstile: Turnstile,
        traffic: Traffic,
        note: Callable[[int, float], None],
        *,
        is_first: bool,
    ) -> None:
        self.inner, self._pair = socket.socketpair()
        for each in (self.inner, self._pair):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _PAIR_BYTES)
            each.setblocking(False)
        self.idle = asyncio.Event()
        self.idle.set()
        self._outer = outer
        self._turnstile = turnstile
        self._traffic = traffic
        self._note = note
        self._is_first = is_first
        self._segment = min(outer.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG), SEGMENT_BYTES_MAX)
        self._header = tcp.header_bytes(outer.family)
        self._seen = Carried()
        self._pending = 0
        self._is_over = False

    async def run(self) -> None:
        """Carry until both directions have ended; closes the real connection."""
        tasks = {asyncio.ensure_future(self._up()), asyncio.ensure_future(self._down())}
        try:
            done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if rest and all(task.result() for task in done):
                await asyncio.wait(rest, timeout=_LINGER_S)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._is_over = True
            self.idle.set()
            self.read()
            self._outer.close()
            self._pair.close()

    def unacknowledged_bytes(self) -> int:
        """Give how much of what the library wrote the far machine has not acknowledged; not 0 if it never will."""
        if self._is_over:
            return 1
        return self._pending + tcp.waiting_bytes(self._pair) + tcp.unacknowledged_bytes(self._outer)

    def read(self) -> None:
        """Count what the connection has carried since this was asked last."""
        try:
            now = tcp.carried(self._outer)
        except OSError:
            return
        seen, self._seen = self._seen, now
        self._traffic.socket_sent_bytes += now.sent - seen.sent
        self._traffic.socket_received_bytes += now.received - seen.received
        self._note(now.packets - seen.packets, now.queue_s)

    async def _up(self) -> bool:
        """Carry from the library to the far end; tell whether it came to a proper end."""
        loop = asyncio.get_running_loop()
        while True:
            waiting = tcp.waiting_bytes(self._pair)
            if not waiting:
                self.idle.set()
                await _once(loop.add_reader, loop.remove_reader, self._pair)
                self.idle.clear()
                waiting = tcp.waiting_bytes(self._pair)
            size = min(waiting, self._segment)
            await self._confirmed()
            if size:
                await self._turnstile.turn(size + self._header, is_first=self._is_first)
            try:
                data = self._pair.recv(size or 1)
            except BlockingIOError:
                continue
            except OSError:
                data = b""  # the library has closed without reading all
            try:
                if not data:
                    self._outer.shutdown(socket.SHUT_WR)
                    return True
                self._pending = len(data)
                await self._send(data)
            except OSError:
                return False
            self._pending = 0

    async def _confirmed(self) -> None:
        """Wait while more is under way than is confirmed in time if no queue grows."""
        while tcp.unacknowledged_bytes(self._outer) > self._turnstile.under_way_bytes(self._seen.least_s):
            await asyncio.sleep(_CONFIRMED_S)
            self.read()

    async def _send(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(self._outer, data)
        while tcp.unsent_bytes(self._outer) > _NOT_SENT_BYTES_MAX:
            await _once(loop.add_writer, loop.remove_writer, self._outer)

    async def _down(self) -> bool:
        """Carry from the far end to the library; tell whether it came to a proper end."""
        loop = asyncio.get_running_loop()
        try:
            while data := await loop.sock_recv(self._outer, _DOWN_BYTES):
                self.read()
                await loop.sock_sendall(self._pair, data)
        except OSError:
            return False
        with contextlib.suppress(OSError):
            self._pair.shutdown(socket.SHUT_WR)
        return True


async def _once(
    watch: Callable[..., object], unwatch: Callable[[socket.socket], object], connection: socket.socket
) -> None:
    """Wait until a socket is ready."""
    ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    watch(connection, lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
    finally:
        unwatch(connection)
