"""This file joins two legs.

It guards that what comes in on one goes out on the other, byte for byte, and ends the same way.

A connection (connection.py) has two `Pipe`s, one a leg. A pipe is the asyncio protocol of the leg it reads and writes
to the other one; there is no task and no queue: bytes waiting for a slow reader are in the transport's buffer, and
above its mark the other leg is not read. The copy for the tap comes after the write.

States of a pipe::

    running    every read: scan, write, copy
    passing    a Close frame has passed: bytes go on unscanned (nobody may send frames after it), the end is near
    closing    a Close frame of ours waits for the frame in flight to be whole
    waiting    the charger was too fast: what was read waits, more is not read, until its time has come (pace.py)
    probing    a Ping of ours waits for the frame in flight to be whole, or its Pong is awaited (probe.py)
    discarding a Close frame of ours went out, or the other leg is gone: bytes are read and dropped

Ends: an end of stream is passed on as a half-close, and so is a reset behind a Close frame; any other reset as a
reset. What came before a reset goes on first (`stream.unread`). At the latest `close_s` after the first sign of an end
(Close frame, end of stream, limit, drain) both legs are gone. Only the start of a frame is held back, at most 16 bytes,
until its header says that it may pass, and of a charger that is too fast what one read has given.
"""

import asyncio
import os
from time import monotonic_ns
from typing import TYPE_CHECKING, Final

from isolane.value.legs.assembly import Assembly
from isolane.value.legs.pace import Wait
from isolane.value.legs.scan import (
    CLOSE,
    INCOMPLETE,
    MESSAGES,
    OWN_PONG,
    OWN_PONG_BYTES,
    TOO_FAST,
    Scanner,
    close_frame,
    ping_frame,
)
from isolane.value.legs.stream import Stream, reset, unread
from isolane.value.settings import Limits
from isolane.wire.tap_copy import NO_BOUNDARY, PAYLOAD_BYTES_MAX, Direction

if TYPE_CHECKING:
    from isolane.value.legs.connection import Connection

LEGS: Final = ("charger", "csms")
_SAMPLE_MASK = 63
"""One read in 64 is timed, a connection's first among them: enough for a percentile, too seldom to cost anything."""


class Pipe(asyncio.Protocol):
    """One leg's reading side; see the top of this file.

    Args:
        connection: Whose it is.
        direction: Whose bytes it reads.
        source: The leg that it reads.
        to: The leg that it writes to.
        limits: See `Scanner`.
    """

    __slots__ = (
        "_assembly", "_closing", "_connection", "_discarding", "_ended", "_held", "_passing", "_ping", "_stall",
        "_unusual", "_wait", "_write", "bytes", "direction", "lost", "other", "scanner", "source", "to",
    )  # fmt: skip

    other: "Pipe"

    def __init__(
        self, connection: "Connection", direction: Direction, source: Stream, to: Stream, limits: Limits
    ) -> None:
        self._assembly = Assembly()
        self._connection = connection
        self._write = to.write
        self._unusual = False
        self._held = b""
        self._closing = 0
        self._ping = b""
        self._passing = self._discarding = self._ended = self.lost = False
        self._stall: asyncio.TimerHandle | None = None
        self._wait = Wait(limits.over_pace_s)
        self.direction = direction
        self.source = source
        self.to = to
        self.scanner = Scanner(limits, masked=direction == Direction.FROM_CHARGER)
        self.bytes = 0

    @property
    def ended(self) -> bool:
        """Tell whether nothing more will be read."""
        return self._ended or self.lost

    @property
    def is_full(self) -> bool:
        """Tell whether the leg that this pipe reads takes no more bytes now, so that the other one is not read."""
        return self._stall is not None

    @property
    def between(self) -> bool:
        """Tell whether what has passed ends between two messages and nothing unusual is going on."""
        return not self._unusual and not self.ended and self.scanner.between

    def data_received(self, data: bytes) -> None:
        """Pass bytes on."""
        mono_ns = monotonic_ns()
        size = len(data)
        if self._unusual or size > PAYLOAD_BYTES_MAX:
            if self.scanner.own_ping:
                self._connection.heard()
            self._take_apart(memoryview(data), mono_ns)
            return
        scanner = self.scanner
        may_pass = scanner.scan(data)
        if may_pass != size:
            view = memoryview(data)
            self._pass(view[:may_pass], mono_ns)
            self._unusual = True
            if self._goes_on(view[may_pass:], last=True):
                self._take_apart(view[may_pass:], mono_ns)
            return
        self._write(data)
        connection = self._connection
        connection.copy(self.direction, connection.number, self.bytes, scanner.boundary, data, mono_ns)
        self.bytes += size
        if scanner.frames & _SAMPLE_MASK == 1:
            connection.registry.added.add_ns(monotonic_ns() - mono_ns)

    def eof_received(self) -> bool:
        """Pass the end of the stream on; True keeps the other direction open."""
        if self._ended or (self.direction and self._connection.hold()):
            return True
        self._ended = True
        self.hurry()
        if self._held and not self._discarding:
            self._write(self._held)  # half a header is nothing the tap could read
            self.bytes += len(self._held)
        self._connection.ending(self.direction, "end-of-stream", LEGS[self.direction], "eof")
        self.discard()
        if self.other.ended:
            self._connection.close()
        elif not self.to.is_closing():
            self.to.write_eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass a reset on, before it what was received and is not read yet; behind a Close frame it is an end."""
        for data in unread(self.source) if exc is not None else ():
            self.data_received(data)
        if self.direction and self._connection.hold():
            return
        self.lost = True
        self._unstall()
        self.discard()
        self.other.discard()
        if exc is not None and self._passing and not self.other.lost:
            if not self.to.is_closing():
                self.to.write_eof()  # a reset would take the Close frame away from a peer that has not read it yet
        elif exc is not None:
            self._connection.ending(self.direction, "reset", LEGS[self.direction], "reset")
            self.other.reset()
        elif not self.other.lost:
            self.to.close()
        if self.other.lost:
            self._connection.gone()

    def pause_writing(self) -> None:
        """Stop reading the other leg: this one is full."""
        self.to.pause_reading()
        self._unstall()
        self._watch()

    def resume_writing(self) -> None:
        """Read the other leg again."""
        self._unstall()
        self.to.resume_reading()

    def send_close(self, code: int) -> None:
        """Send a Close frame of ours at the next frame boundary and the end of the stream behind it; then discard."""
        if self._discarding or self._closing:
            return
        if self._passing or self.to.is_closing():
            self.discard()
        elif self.scanner.left:
            self._closing = code
            self._unusual = True
        else:
            self._close_now(code)

    def cut(self) -> None:
        """End the stream at once where a Close frame of ours waits for a frame that does not become whole."""
        if self._closing:
            self._closing = 0
            self.discard()
            if not self.to.is_closing():
                self.to.write_eof()

    def is_overdue(self, now_s: float) -> bool:
        """Tell whether a message has been under way for too long; not while its sender is not read."""
        if self._unusual and (self._passing or self._discarding or self._closing or self.lost):
            return False
        message = 0 if self.other.is_full or self._wait.active else self.scanner.under_way(held=bool(self._held))
        return self._assembly.is_overdue(message, self.bytes, now_s, self._connection.limits)

    def send_ping(self, payload: bytes) -> None:
        """Send a Ping of ours to the charger at the next frame boundary; once the end is near none is sent."""
        if self._discarding or self._closing or self._passing or self.to.is_closing():
            return
        self._ping = ping_frame(payload)
        self._unusual = True
        if not self.scanner.left:
            self._ping_now()

    def await_pong(self, payload: bytes) -> None:
        """Keep the Pong with this payload from passing, b"" for none any more."""
        self.scanner.own_ping = payload
        self._unusual = True

    def discard(self) -> None:
        """Write nothing more, and read on, so that the leg's own end is seen."""
        self._wait.stop()
        self._discarding = True
        self._unusual = True
        self._held = b""
        if not self.source.is_closing():
            self.source.resume_reading()

    def retire(self) -> None:
        """Have no part in what comes; the leg that this pipe reads is for somebody else to end."""
        self._wait.stop()
        self._unstall()
        self._discarding = self._unusual = self.lost = True

    def reset(self) -> None:
        """End the leg that this pipe reads with a reset, or, where it has not taken all its bytes yet, with those."""
        if not self.lost:
            reset(self.source)

    def part(self) -> None:
        """Let go of the rest of a connection that is over, which else would wait for the collector of cycles."""
        del self._connection, self.other

    def _close_now(self, code: int) -> None:
        self._closing = 0
        self.discard()
        key = os.urandom(4) if self.direction == Direction.FROM_CHARGER else None
        self.to.write(close_frame(code, key=key))
        self.to.write_eof()

    def _ping_now(self) -> None:
        self._write(self._ping)
        self._ping = b""

    def _take_apart(self, view: memoryview, mono_ns: int) -> None:
        """Pass bytes on where something is unusual: a large read, a held header, a probe, an end."""
        scanner = self.scanner
        if self._held:
            view = memoryview(self._held + view)
            self._held = b""
        self._unusual = False
        while view and not self._discarding:
            part = view[: scanner.left] if self._closing or self._ping else view
            part = part[:PAYLOAD_BYTES_MAX]
            may_pass = len(part) if self._passing else scanner.scan(part)
            self._pass(part[:may_pass], mono_ns)
            last = len(part) == len(view)
            view = view[may_pass:]
            if may_pass != len(part):
                if not self._goes_on(view, last=last):
                    break
                if scanner.stop == OWN_PONG:
                    view = view[OWN_PONG_BYTES:]
            if self._ping and not scanner.left:
                self._ping_now()
            if self._closing and not scanner.left:
                self._close_now(self._closing)
        busy = self._held or self._passing or self._closing or self._discarding or self._ping or scanner.own_ping
        self._unusual = bool(busy)

    def _goes_on(self, rest: memoryview, *, last: bool) -> bool:
        """Tell whether to go on with what the scanner did not let pass; `last` where nothing was read behind it."""
        stop = self.scanner.stop
        if stop == CLOSE:
            self._passing = True
            self.scanner.frames += 1
            self._connection.ending(self.direction, "close-frame", LEGS[self.direction], str(self.scanner.close_code))
            return True
        if stop == INCOMPLETE:
            if last:
                self._held = bytes(rest)
            return not last
        if stop == OWN_PONG:
            self._connection.ponged()
            return True
        if stop == TOO_FAST:
            self._slow_down(rest)
            return False
        self._connection.offended(self, stop)
        return False

    def _slow_down(self, rest: memoryview) -> None:
        """Let a charger that is too fast wait, unless it has been for `over_pace_s`."""
        registry = self._connection.registry
        registry.waits += not self._wait.active
        if not self._wait.begin(self.scanner.wait_s(), self._go_on):
            self._connection.offended(self, MESSAGES)
            return
        self._held = bytes(rest)
        if not self.source.is_closing():
            self.source.pause_reading()

    def _go_on(self) -> None:
        """Pass on what waited, and read on when all of it has passed."""
        self._take_apart(memoryview(b""), monotonic_ns())
        if not (self._wait.active or self.other.is_full or self.source.is_closing()):
            self.source.resume_reading()

    def hurry(self) -> None:
        """Wait no more: the end is near, and what waits goes before it."""
        self.scanner.hurry()
        if self._wait.active:
            self._wait.stop()
            self._go_on()

    def _pass(self, part: memoryview, mono_ns: int) -> None:
        if not part:
            return
        self._write(part)
        connection = self._connection
        boundary = NO_BOUNDARY if self._passing else self.scanner.boundary
        connection.copy(self.direction, connection.number, self.bytes, boundary, part, mono_ns)
        self.bytes += len(part)

    def _watch(self) -> None:
        """Look again in `stall_s` whether this leg has taken a byte of what waits for it."""
        waiting = self.source.get_write_buffer_size()
        self._stall = asyncio.get_running_loop().call_later(self._connection.limits.stall_s, self._judge, waiting)

    def _judge(self, waiting: int) -> None:
        if self.source.get_write_buffer_size() < waiting:
            self._watch()
        else:
            self._connection.stalled(self)

    def _unstall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None
