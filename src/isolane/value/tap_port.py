"""This file hands copies to the tap; it guards that the tap can never make the business wait.

One SEQPACKET socket, every send non-blocking, the kernel's send buffer the only queue. The copies of one turn of the
loop go out together behind the business's own writes: those wait for no copy, and the tap is woken once. What the
socket refuses is lost, counted, and the count travels in the next copy that gets through (wire/tap_copy.py). After a
refusal nothing is tried for 2 ms, so that a stopped tap costs a comparison a read and not a system call.

OPEN and CLOSE are owed until they get through: without OPEN no DATA of its connection is sent, without CLOSE the tap
would keep a connection for ever. The port connects every second while there is no tap, and owes it an OPEN for each
living connection when it is back.
"""

import asyncio
import contextlib
import logging
import socket
import time
from pathlib import Path

import msgspec

from isolane.wire.tap_copy import NO_BOUNDARY, PAYLOAD_BYTES_MAX, Closed, Direction, Kind, Opened, pack_header

_log = logging.getLogger(__name__)

_TICK_S = 1.0
_REST_NS = 2_000_000
_OWED_CLOSES_MAX = 100_000
"""Ends that a stopped tap has not been told; far above what ends in the minute a tap may hang."""
_LOST_MAX = 0xFFFF_FFFF
_TURN_COPIES_MAX = 1024
"""Copies that one turn of the loop may gather; they hold on to bytes that the legs may have sent already."""


class TapPort:
    """The relay's end of the tap's socket.

    Args:
        path: Where the tap listens.
        buffer_bytes: Send buffer to ask the system for.

    Attributes:
        sent: Copies that the socket took.
        lost: Copies that it did not, an absent tap included.
    """

    __slots__ = (
        "_buffer_bytes", "_living", "_loop", "_lost_untold", "_owed_closes", "_owed_opens", "_path", "_rest_until_ns",
        "_socket", "_timer", "_turn", "lost", "sent",
    )  # fmt: skip

    def __init__(self, path: Path, buffer_bytes: int) -> None:
        self._path = str(path)
        self._buffer_bytes = buffer_bytes
        self._socket: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._living: dict[int, bytes] = {}
        self._owed_opens: set[int] = set()
        self._owed_closes: dict[int, tuple[Direction, bytes]] = {}
        self._rest_until_ns = 0
        self._lost_untold = 0
        self._loop: asyncio.AbstractEventLoop
        self._turn: list[tuple[Direction, int, int, int, bytes | memoryview, int]] = []
        self.sent = 0
        self.lost = 0

    @property
    def connected(self) -> bool:
        """Tell whether there is a tap."""
        return self._socket is not None

    def start(self) -> None:
        """Connect now, and every second while there is no tap."""
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(_TICK_S, self.start)
        if self._socket is None:
            self._connect()
        elif self._is_gone():
            self._disconnect()
        self._pay(time.monotonic_ns())

    def stop(self) -> None:
        """Tell what is owed, if the tap takes it, and disconnect."""
        if self._timer is not None:
            self._timer.cancel()
        self.flush()
        self._pay(time.monotonic_ns())
        self._disconnect()

    def opened(self, connection: int, facts: Opened) -> None:
        """Tell of a new connection."""
        self._living[connection] = msgspec.json.encode(facts)
        self._owed_opens.add(connection)
        self._pay(time.monotonic_ns())

    def closed(self, connection: int, first: Direction, cause: str) -> None:
        """Tell of an end; `first` is the leg that ended first."""
        self.flush()
        self._living.pop(connection, None)
        if connection in self._owed_opens:
            self._owed_opens.discard(connection)
        elif len(self._owed_closes) < _OWED_CLOSES_MAX:
            self._owed_closes[connection] = (first, msgspec.json.encode(Closed(cause)))
        self._pay(time.monotonic_ns())

    def copy(  # noqa: PLR0917 - called once a read, where keywords cost
        self,
        direction: Direction,
        connection: int,
        offset: int,
        boundary: int,
        data: bytes | memoryview,
        mono_ns: int,
    ) -> None:
        """Copy what a leg has just sent, once the loop has written what it has to write.

        Args:
            direction: Which way.
            connection: Its number.
            offset: Of the first byte, see wire/tap_copy.py.
            boundary: Index of the first frame in `data`, or NO_BOUNDARY.
            data: At most PAYLOAD_BYTES_MAX bytes.
            mono_ns: When they were read.
        """
        if self._socket is None:
            self._refused()
            return
        turn = self._turn
        turn.append((direction, connection, offset, boundary, data, mono_ns))
        if len(turn) == 1:
            self._loop.call_soon(self.flush)
        elif len(turn) >= _TURN_COPIES_MAX:
            self.flush()

    def flush(self) -> None:
        """Send the copies of this turn of the loop."""
        turn = self._turn
        if not turn:
            return
        self._turn = []
        for copied in turn:
            self._send(*copied)

    def _send(  # noqa: PLR0917 - see `copy`
        self,
        direction: Direction,
        connection: int,
        offset: int,
        boundary: int,
        data: bytes | memoryview,
        mono_ns: int,
    ) -> None:
        if self._socket is None or mono_ns < self._rest_until_ns:
            self._refused()
            return
        if self._owed_opens:
            self._pay(mono_ns)
            if connection in self._owed_opens:
                self._refused()
                return
        lost = self._lost_untold
        header = pack_header(2, direction, min(lost, _LOST_MAX), connection, mono_ns, offset, boundary)
        try:
            self._socket.send(header + data)
        except BlockingIOError:
            self._rest_until_ns = mono_ns + _REST_NS
            self._refused()
        except OSError as error:
            self._refused()
            self._disconnect(error)
        else:
            self.sent += 1
            if lost:
                self._lost_untold = 0

    def _refused(self) -> None:
        self.lost += 1
        self._lost_untold += 1

    def _pay(self, mono_ns: int) -> None:
        """Send the OPENs and CLOSEs that are owed, oldest connection first, until the socket refuses."""
        if self._socket is None or mono_ns < self._rest_until_ns:
            return
        for connection in sorted(self._owed_opens):
            if not self._tell(Kind.OPEN, Direction.FROM_CHARGER, connection, self._living[connection], mono_ns):
                return
            self._owed_opens.discard(connection)
        for connection, (first, payload) in list(self._owed_closes.items()):
            if not self._tell(Kind.CLOSE, first, connection, payload, mono_ns):
                return
            del self._owed_closes[connection]

    def _tell(self, kind: Kind, direction: Direction, connection: int, payload: bytes, mono_ns: int) -> bool:
        """Send an OPEN or a CLOSE; False means that it is still owed."""
        if self._socket is None:
            return False
        lost = min(self._lost_untold, _LOST_MAX)
        header = pack_header(kind, direction, lost, connection, mono_ns, 0, NO_BOUNDARY)
        try:
            self._socket.send(header + payload[:PAYLOAD_BYTES_MAX])
        except BlockingIOError:
            self._rest_until_ns = mono_ns + _REST_NS
            return False
        except OSError as error:
            self._disconnect(error)
            return False
        self.sent += 1
        self._lost_untold = 0
        return True

    def _connect(self) -> None:
        tap = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        try:
            tap.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._buffer_bytes)
            tap.connect(self._path)
        except OSError:  # no tap, or one that is stopped with a full backlog: the next tick tries again
            tap.close()
            return
        self._socket = tap
        self._rest_until_ns = 0
        self._owed_opens = set(self._living)
        self._owed_closes.clear()
        _log.info("tap-connected path=%s living=%d", self._path, len(self._living))

    def _is_gone(self) -> bool:
        """Tell whether the tap has closed its end. It never sends, so nothing is ever read here."""
        if self._socket is None:
            return True
        try:
            return not self._socket.recv(1)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _disconnect(self, error: OSError | None = None) -> None:
        if self._socket is None:
            return
        with contextlib.suppress(OSError):
            self._socket.close()
        self._socket = None
        _log.info("tap-disconnected reason=%s lost=%d", error.strerror if error else "closed", self.lost)
