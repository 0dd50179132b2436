"""This file reads HTTP requests in bounded steps; it guards that no client keeps the loop or a connection to himself.

Whatever comes is read a little at a time, so that a million tiny chunks wait between everybody else's requests. A head
and a body must be there in time. Who was answered before he has sent all of his request may send a little more, then
the connection ends. When there is no room for another connection, the one that has waited longest for the rest of a
request, or for another one, makes room: slow ones cost each other their connections and nobody else.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import Any

import h11
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from isolane.core.line_limit import LineLimit

_STEP_BYTES = 512
"""A head of more than h11's limit is then seen in time; in chunks of one byte it is some milliseconds of work."""
_LEFT_BYTES_MAX = 65_536
_SWALLOWED_BYTES_MAX = 4 << 20
_GOODBYE_S = 2.0
_LINES_MAX = 10
"""Warnings of the server in 60 s, all kinds together, one of each kind."""


class BoundedProtocol(H11Protocol):
    """Uvicorn's HTTP/1.1 protocol within bounds; see the top of this file.

    Attributes:
        head_s: How long a request's head may take, s.
        body_s: How long its body may take, s.
        since_s: Since when it has waited for a request, monotonic s.
    """

    head_s = 10.0
    body_s = 30.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Make room, and wait for a head from now on."""
        super().connection_made(transport)
        self.flow = _Flow(transport, self._go_on)
        self.since_s = time.monotonic()
        self._coming = bytearray()
        self._goes_on = self._is_over = False
        self._left_bytes, self._swallowed_bytes = _LEFT_BYTES_MAX, 0
        self._phase: object = None
        self._deadline: asyncio.TimerHandle | None = None
        self._watch()
        if self.limit_concurrency is not None and len(self.connections) >= self.limit_concurrency:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        """Take what has come and read a step of it."""
        if self._is_over:
            self._swallowed_bytes += len(data)
            if self._swallowed_bytes > _SWALLOWED_BYTES_MAX:
                self.transport.abort()
            return
        self._coming += data
        if not self._goes_on:
            self._step()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget all of it."""
        self._coming.clear()
        self._is_over = True
        self._set_deadline(None)
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Wait for another request, or for the little that may be left of this one."""
        self.since_s = time.monotonic()
        self._left_bytes = _LEFT_BYTES_MAX
        super().on_response_complete()

    @property
    def is_waiting(self) -> bool:
        """Whether its client owes something: a request, or the rest of one."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete or self.conn.their_state is h11.SEND_BODY

    # Steps

    def _step(self) -> None:
        self._goes_on = False
        if self._is_over or self.transport.is_closing():
            self._coming.clear()
            return
        if self._coming and not self.flow.read_paused:
            part = bytes(self._coming[:_STEP_BYTES])
            del self._coming[:_STEP_BYTES]
            super().data_received(part)
            self._watch()
            if self._has_sent_enough(len(part)):
                self._hang_up()
                return
        if self._coming:
            self.transport.pause_reading()
            if not self.flow.read_paused:
                self._go_on()
        elif not self.flow.read_paused:
            self.transport.resume_reading()

    def _go_on(self) -> None:
        if not self._goes_on:
            self._goes_on = True
            self.loop.call_soon(self._step)

    # Bounds

    def _watch(self) -> None:
        """Set the deadline of what is waited for now, if that has changed."""
        state = self.conn.their_state
        phase = (state, self.cycle)
        if phase == self._phase:
            return
        self._phase = phase
        seconds = {h11.IDLE: self.head_s, h11.SEND_BODY: self.body_s}.get(state)
        self._set_deadline(seconds)

    def _set_deadline(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self.transport.abort)

    def _has_sent_enough(self, size_bytes: int) -> bool:
        """Count what comes of a request that was answered already; tells whether it was too much."""
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or not cycle.response_complete or self.conn.their_state is not h11.SEND_BODY:
            return False
        self._left_bytes -= size_bytes
        return self._left_bytes < 0

    def _hang_up(self) -> None:
        """Say that this is the end, and give the client a moment to read the answer: a reset would take it away."""
        self._is_over = True
        self._coming.clear()
        self._set_deadline(_GOODBYE_S)
        with contextlib.suppress(OSError, RuntimeError):
            if self.transport.can_write_eof():
                self.transport.write_eof()
                self.transport.resume_reading()
            else:
                self.transport.close()

    def _make_room(self) -> None:
        others = [one for one in self.connections if isinstance(one, BoundedProtocol) and one is not self]
        waiting = [one for one in others if one.is_waiting]
        if waiting:
            slowest = min(waiting, key=lambda one: one.since_s)
            self.connections.discard(slowest)
            slowest.transport.abort()


class _Flow(FlowControl):
    """Uvicorn's; the protocol decides when there is room to read."""

    def __init__(self, transport: asyncio.Transport, resumed: Callable[[], None]) -> None:
        super().__init__(transport)
        self._resumed = resumed

    def resume_reading(self) -> None:
        """Let the protocol read what it has before more comes."""
        if self.read_paused:
            self.read_paused = False
            self._resumed()


class _FewLines(logging.Filter):
    """Lets few of the server's warnings through: whoever causes them could fill the disk."""

    def __init__(self) -> None:
        super().__init__()
        self._lines = LineLimit(1, _LINES_MAX)

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a line is written; errors always are."""
        if record.levelno >= logging.ERROR:
            return True
        left_out = self._lines.admit(str(record.msg), time.monotonic_ns())
        if left_out:
            record.msg, record.args = f"{record.getMessage()} left_out={left_out}", ()
        return left_out is not None


def limit_lines() -> None:
    """Have the server's own warnings written seldom, from now on."""
    logger: Any = logging.getLogger("uvicorn.error")
    if not any(isinstance(one, _FewLines) for one in logger.filters):
        logger.addFilter(_FewLines())
