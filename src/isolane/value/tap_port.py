"""This file hands copies to the tap; it guards that the tap can never make the business wait.

One SEQPACKET socket, every send non-blocking. The first copy after a pause goes out at once; those that follow it
gather for at most 20 ms or 32 KiB and go out as one packet, so that neither process works once a frame. What gathers
and the kernel's send buffer are the only queues. What the socket refuses is lost, counted, and the count travels in the
next packet that gets through (wire/tap_copy.py). After a refusal nothing is tried for 2 ms, so that a stopped tap costs
a comparison a read and not a system call.

OPEN and CLOSE gather with the copies; what is refused of them is owed until it gets through: without OPEN no DATA of
its connection is sent, without CLOSE the tap would keep a connection for ever. The port connects every second while
there is no tap, and owes it an OPEN for each living connection when it is back.
"""

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from isolane.wire.tap_copy import (
    COPY_HEADER_BYTES,
    NO_BOUNDARY,
    PAYLOAD_BYTES_MAX,
    Closed,
    Direction,
    Kind,
    Opened,
    pack_copy_header,
    pack_packet_header,
)

_log = logging.getLogger(__name__)

_TICK_S = 1.0
_REST_NS = 2_000_000
_OWED_CLOSES_MAX = 100_000
"""Ends that a stopped tap has not been told; far above what ends in the minute a tap may hang."""
_GATHER_NS = 20_000_000
"""What a fact may be late for the tap where others came just before it; the times in it are those of the read. A packet
costs this process and the tap a system call each, and each time the caches of what they do for the business."""
_GATHER_BYTES_MAX = 32_768
"""Beyond this a larger packet saves nothing, and the tap should come to its other work in between."""
_DATA: Final = int(Kind.DATA)


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
        "_alarm", "_buffer_bytes", "_flushed_ns", "_gathered", "_gathered_bytes", "_gathered_tells", "_living", "_loop",
        "_lost_untold", "_owed_closes", "_owed_opens", "_path", "_rest_until_ns", "_socket", "_timer", "lost", "sent",
    )  # fmt: skip

    def __init__(self, path: Path, buffer_bytes: int) -> None:
        self._path = str(path)
        self._buffer_bytes = buffer_bytes
        self._socket: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._living: dict[int, bytes] = {}
        self._owed_opens: dict[int, None] = {}
        self._owed_closes: dict[int, tuple[Direction, bytes]] = {}
        self._rest_until_ns = 0
        self._lost_untold = 0
        self._loop: asyncio.AbstractEventLoop
        self._alarm: asyncio.Handle | None = None
        self._flushed_ns = 0
        self._gathered: list[bytes | memoryview] = []
        self._gathered_bytes = 0
        self._gathered_tells: list[tuple[int, Kind, Direction, bytes]] = []
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
        for timer in (self._timer, self._alarm):
            if timer is not None:
                timer.cancel()
        self.flush()
        self._disconnect()

    def opened(self, connection: int, facts: Opened) -> None:
        """Tell of a new connection."""
        payload = msgspec.json.encode(facts)
        self._living[connection] = payload
        self._gather_tell(connection, Kind.OPEN, Direction.FROM_CHARGER, payload)

    def closed(self, connection: int, first: Direction, cause: str) -> None:
        """Tell of an end; `first` is the leg that ended first."""
        self._living.pop(connection, None)
        if connection in self._owed_opens:
            del self._owed_opens[connection]
        else:
            self._gather_tell(connection, Kind.CLOSE, first, msgspec.json.encode(Closed(cause)))

    def copy(  # noqa: PLR0917 - called once a read, where keywords cost
        self,
        direction: Direction,
        connection: int,
        offset: int,
        boundary: int,
        data: bytes | memoryview,
        mono_ns: int,
    ) -> None:
        """Copy what a leg has just sent; it goes to the tap with others, or in 20 ms.

        Args:
            direction: Which way.
            connection: Its number.
            offset: Of the first byte, see wire/tap_copy.py.
            boundary: Index of the first frame in `data`, or NO_BOUNDARY.
            data: At most PAYLOAD_BYTES_MAX bytes.
            mono_ns: When they were read.
        """
        if (
            self._socket is None
            or mono_ns < self._rest_until_ns
            or (self._owed_opens and not self._is_told(connection, mono_ns))
        ):
            self.lost += 1
            self._lost_untold += 1
            return
        size = len(data)
        more = COPY_HEADER_BYTES + size
        if self._gathered_bytes + more > _GATHER_BYTES_MAX:
            self.flush()
        self._gathered_bytes += more
        gathered = self._gathered
        gathered.append(pack_copy_header(_DATA, direction, size, connection, mono_ns, offset, boundary))
        gathered.append(data)
        if self._alarm is None:
            self._alarm = self._flush_soon(mono_ns)

    def flush(self) -> None:
        """Send what is owed, then what has gathered.

        The order matters: the OPEN of a copy that has gathered may have been refused meanwhile. If it still is, the
        socket rests, and the copy is not sent either.
        """
        mono_ns = time.monotonic_ns()
        self._flushed_ns = mono_ns
        self._pay(mono_ns)
        gathered, tells = self._gathered, self._gathered_tells
        if not gathered:
            return
        self._gathered, self._gathered_bytes, self._gathered_tells = [], 0, []
        copies = len(gathered) // 2
        if self._send(gathered, copies, mono_ns):
            return
        self.lost += copies - len(tells)
        self._lost_untold += copies - len(tells)
        for connection, kind, first, payload in tells:
            if kind is Kind.CLOSE or connection in self._living:
                self._owe(connection, kind, first, payload)

    def _gather_tell(self, connection: int, kind: Kind, direction: Direction, payload: bytes) -> None:
        """Let an OPEN or a CLOSE gather behind what has gathered of its connection."""
        mono_ns = time.monotonic_ns()
        if self._socket is None or mono_ns < self._rest_until_ns:
            self._owe(connection, kind, direction, payload)
            return
        payload = payload[:PAYLOAD_BYTES_MAX]
        if self._gathered_bytes + COPY_HEADER_BYTES + len(payload) > _GATHER_BYTES_MAX:
            self.flush()
        self._gathered_bytes += COPY_HEADER_BYTES + len(payload)
        self._gathered += (
            pack_copy_header(kind, direction, len(payload), connection, mono_ns, 0, NO_BOUNDARY),
            payload,
        )
        self._gathered_tells.append((connection, kind, direction, payload))
        if self._alarm is None:
            self._alarm = self._flush_soon(mono_ns)

    def _owe(self, connection: int, kind: Kind, first: Direction, payload: bytes) -> None:
        """Keep what did not get through. The CLOSE of a connection that the tap never knew does no harm there."""
        if kind is Kind.OPEN:
            self._owed_opens[connection] = None
        elif len(self._owed_closes) < _OWED_CLOSES_MAX:
            self._owed_closes[connection] = (first, payload)

    def _flush_soon(self, mono_ns: int) -> asyncio.Handle:
        """See to it that what gathers goes out; at once means behind what has been written to the legs."""
        wait_ns = self._flushed_ns + _GATHER_NS - mono_ns
        if wait_ns <= 0:
            return self._loop.call_soon(self._flush_in_time)
        return self._loop.call_later(wait_ns / 1e9, self._flush_in_time)

    def _flush_in_time(self) -> None:
        self._alarm = None
        self.flush()

    def _is_told(self, connection: int, mono_ns: int) -> bool:
        """Tell whether the tap knows a connection, after trying to make it known."""
        self._pay(mono_ns)
        return connection not in self._owed_opens

    def _pay(self, mono_ns: int) -> None:
        """Send the OPENs and CLOSEs that are owed, oldest connection first, until the socket refuses."""
        while (self._owed_opens or self._owed_closes) and self._tell(mono_ns):
            pass

    def _tell(self, mono_ns: int) -> bool:
        """Send a packet of what is owed; False means that it still is."""
        if self._socket is None or mono_ns < self._rest_until_ns:
            return False
        parts: list[bytes | memoryview] = []
        told: list[tuple[int, Kind]] = []
        size = 0
        for connection, kind, direction, whole in self._owed():
            payload = whole[:PAYLOAD_BYTES_MAX]
            size += COPY_HEADER_BYTES + len(payload)
            if parts and size > _GATHER_BYTES_MAX:
                break
            parts += (pack_copy_header(kind, direction, len(payload), connection, mono_ns, 0, NO_BOUNDARY), payload)
            told.append((connection, kind))
        if not self._send(parts, len(told), mono_ns):
            return False
        for connection, kind in told:
            if kind is Kind.OPEN:
                del self._owed_opens[connection]
            else:
                del self._owed_closes[connection]
        return True

    def _owed(self) -> Iterator[tuple[int, Kind, Direction, bytes]]:
        for connection in self._owed_opens:
            yield connection, Kind.OPEN, Direction.FROM_CHARGER, self._living[connection]
        for connection, (first, payload) in self._owed_closes.items():
            yield connection, Kind.CLOSE, first, payload

    def _send(self, parts: list[bytes | memoryview], copies: int, mono_ns: int) -> bool:
        """Send one packet; False means that the socket did not take it, and nothing is counted."""
        if self._socket is None or mono_ns < self._rest_until_ns:
            return False
        packet = b"".join((pack_packet_header(self._lost_untold), *parts))
        try:
            self._socket.send(packet)
        except BlockingIOError:
            self._rest_until_ns = mono_ns + _REST_NS
            return False
        except OSError as error:
            self._disconnect(error)
            return False
        self.sent += copies
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
        self._owed_opens = dict.fromkeys(self._living)
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
        self.flush()
        _log.info("tap-disconnected reason=%s lost=%d", error.strerror if error else "closed", self.lost)
