"""This file sends events to the health process; it guards that the tap never waits for it and that every loss is told.

States: *away* (tries to connect once a second), *connected*, *full* (the socket refused a packet; goes on when it may
be written). Events wait in a bounded queue; the oldest make room, and their number travels in the next packet that
gets through. What is in the socket's buffer when the health process dies is lost without a count; `Standing` is told
again for that.
"""

import asyncio
import contextlib
import itertools
import logging
import socket
from collections import deque
from pathlib import Path

from isolane.tap.journal import Journal
from isolane.tap.standing import Standing
from isolane.wire import tap_event as ev

RETRY_S = 1.0
GATHER_S = 0.02
"""Events of this time share a packet; it is well below the 1 s grid they end on."""
CALL_S = 0.002
"""The same with a call among them: Channel B is to stand aside while it is in flight."""

_PACKET_EVENTS_MAX = 100
_SEND_BUFFER_BYTES = 4 * ev.PACKET_BYTES_MAX
_VERSION = 1
_log = logging.getLogger(__name__)


class EventPort:
    """The way out.

    Args:
        path: Socket on which the health process listens.
        queue_events_max: Events that wait at most.
        standing: What is told again on each new connection.
        journal: Where packets that were sent are written down, or None.
    """

    def __init__(self, path: Path, queue_events_max: int, standing: Standing, journal: Journal | None = None) -> None:
        self._journal = journal
        self._path = path
        self._queue_events_max = queue_events_max
        self._standing = standing
        self._told: deque[ev.AnyEvent] = deque()  # standing facts, sent before the queue
        self._queue: deque[ev.AnyEvent] = deque()
        self._socket: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._is_full = False
        self._untold_lost = 0
        self.sent = 0
        self.lost = 0
        self.packets = 0

    @property
    def is_connected(self) -> bool:
        """Tell whether the health process is there."""
        return self._socket is not None

    @property
    def queued(self) -> int:
        """Count the events that wait."""
        return len(self._told) + len(self._queue)

    def put(self, event: ev.AnyEvent) -> None:
        """Take an event over. Never blocks, never raises."""
        self._standing.note(event)
        if self._socket is None and isinstance(event, ev.Called):
            return  # later it would say nothing of that time's now
        if len(self._queue) >= self._queue_events_max:
            self._queue.popleft()
            self._count_lost(1)
        self._queue.append(event)
        if self._socket and not self._is_full:
            self._flush_in(CALL_S if isinstance(event, ev.Called) else GATHER_S)

    def open(self) -> None:
        """Connect, and from then on whenever the health process is away, until `close`."""
        self._retry = None
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        loop = asyncio.get_running_loop()
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
            sock.connect(str(self._path))
        except OSError:  # absent, not listening yet, or its backlog is full
            sock.close()
            self._retry = loop.call_later(RETRY_S, self.open)
            return
        self._socket = sock
        loop.add_reader(sock.fileno(), self._hear)
        self._told = deque(self._standing.tell())
        _log.info("events-connected path=%s standing=%d queued=%d", self._path, len(self._told), len(self._queue))
        self._flush()

    def close(self) -> None:
        """Send what the socket takes at once and stop."""
        if self._socket:
            self._flush()
        self._disconnect()
        for timer in (self._timer, self._retry):
            if timer:
                timer.cancel()
        self._timer = self._retry = None

    def _hear(self) -> None:
        """Notice that the health process closed; it has nothing to say."""
        try:
            said = self._socket.recv(1) if self._socket else b""
        except BlockingIOError:
            return
        except OSError:
            said = b""
        if not said:
            self._away()

    def _away(self) -> None:
        _log.info("events-away path=%s queued=%d", self._path, len(self._queue))
        self._disconnect()
        self._retry = asyncio.get_running_loop().call_later(RETRY_S, self.open)

    def _disconnect(self) -> None:
        if self._socket:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._socket.fileno())
            self._wait_until_writable(wait=False)
            self._socket.close()
            self._socket = None
        self._told.clear()

    def _wait_until_writable(self, *, wait: bool) -> None:
        if self._socket and wait != self._is_full:
            loop = asyncio.get_running_loop()
            if wait:
                loop.add_writer(self._socket.fileno(), self._flush)
            else:
                loop.remove_writer(self._socket.fileno())
            self._is_full = wait

    def _flush_in(self, delay_s: float) -> None:
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            if self._timer.when() <= loop.time() + delay_s:
                return
            self._timer.cancel()
        self._timer = loop.call_later(delay_s, self._flush)

    def _flush(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        while self._socket:
            waiting = self._told or self._queue
            if not waiting:
                self._wait_until_writable(wait=False)
                return
            events = tuple(itertools.islice(waiting, _PACKET_EVENTS_MAX))
            packet = ev.encode(ev.Packet(_VERSION, self._untold_lost, events))
            while len(packet) > ev.PACKET_BYTES_MAX and len(events) > 1:
                events = events[: len(events) // 2]
                packet = ev.encode(ev.Packet(_VERSION, self._untold_lost, events))
            try:
                self._socket.send(packet)
            except BlockingIOError:
                self._wait_until_writable(wait=True)
                return
            except OSError:
                self._away()
                return
            if self._journal:
                self._journal.note(packet)
            self._untold_lost = 0
            self.packets += 1
            self.sent += len(events)
            with contextlib.suppress(IndexError):
                for _ in events:
                    waiting.popleft()

    def _count_lost(self, events: int) -> None:
        self.lost += events
        self._untold_lost += events
