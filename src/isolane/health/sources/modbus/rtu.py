"""This file asks devices over RTU; it guards that a late or garbled answer is never taken for another one.

Operation of a read: keep silence since the last byte, throw away what came unasked, send, wait for the frame that fits.
A unit that did not answer in time still owes its answer: it is not asked again before that time has passed once more,
because RTU has no transaction ids and its late answer would fit the next question.
"""

import asyncio
from collections import Counter

from isolane.config.values import Address
from isolane.core.clock import NS_PER_MS, NS_PER_S, Clock
from isolane.core.samples import Reason
from isolane.health.sources.modbus import frames
from isolane.health.sources.modbus.line import BUFFER_BYTES_MAX, SerialWire, Wire, open_tcp
from isolane.health.sources.modbus.plan import Span
from isolane.health.sources.modbus.reads import ReadFailure, refusal
from isolane.health.sources.modbus.settings import SerialSettings
from isolane.health.sources.patience import Patience

_SILENT_MAX = 3


class RtuConnection:
    """One serial line or one connection to a serial device server; the same calls as `connect.Connection`.

    Args:
        place: The port, or the server's address.
        timeout_s: How long to wait for the connection, s.
        pause_s_max: Longest pause before the next attempt to open, s.
        silence_ms: How long the line is left silent between frames, ms.
        clock: For pauses.
    """

    def __init__(
        self, place: SerialSettings | Address, timeout_s: float, pause_s_max: float, silence_ms: float, clock: Clock
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.generation = 0
        self._place = place
        self._timeout_s = timeout_s
        self._patience = Patience(pause_s_max, clock)
        self._silence_ns = round(silence_ms * NS_PER_MS)
        self._clock = clock
        self._wire: Wire | None = None
        self._buffer = bytearray()
        self._news = asyncio.Event()
        self._ended = Reason.NONE
        self._asking = False
        self._unasked_bytes = 0
        self._quiet_since_ns = 0
        self._owes_until_ns: dict[int, int] = {}
        self._silent = 0

    async def open(self) -> bool:
        """Open if it is not open and there is no pause to keep; tell whether it is."""
        if self._wire is not None:
            return True
        if self._patience.left_s > 0:
            return False
        self.counts["connects"] += 1
        try:
            async with asyncio.timeout(self._timeout_s):
                self._wire = await self._open()
        except (OSError, TimeoutError):
            self.counts["connects_failed"] += 1
            self._patience.failed()
            return False
        self.generation += 1
        self._silent = self._unasked_bytes = 0
        self._ended = Reason.NONE
        self._owes_until_ns.clear()
        self._quiet_since_ns = self._clock.mono_ns()
        return True

    async def _open(self) -> Wire:
        if isinstance(self._place, SerialSettings):
            return SerialWire(self._place, self._received, self._lost)
        return await open_tcp(self._place, self._received, self._lost)

    async def read(self, unit: int, span: Span, timeout_s: float) -> list[int]:
        """Read registers (or bits) of one unit; see `connect.Connection.read`.

        Raises:
            ReadFailure: The line is not open, or there is no answer that can be used.
        """
        if self._clock.mono_ns() < self._owes_until_ns.get(unit, 0):
            raise ReadFailure(Reason.TIMEOUT)
        deadline_ns = self._clock.mono_ns() + round(timeout_s * NS_PER_S)
        await self._silence(deadline_ns)
        wire = self._wire
        if wire is None:
            raise ReadFailure(self._ended or Reason.DISCONNECTED)
        self.counts["requests"] += 1
        self._buffer.clear()
        self._asking = True
        try:
            wire.write(frames.request(unit, span))
            answer = await self._answer(unit, span, deadline_ns)
        finally:
            self._asking = False
        if answer is None:
            raise self._failed(unit, span, timeout_s)
        self._silent = 0
        self._patience.succeeded()
        self._unasked_bytes = 0
        if answer.exception is not None:
            self.counts["exceptions"] += 1
            raise refusal(answer.exception)
        self.counts["answers"] += 1
        return list(answer.words)

    async def close(self) -> None:
        """Close, and let the loop dispose of the socket."""
        self._end(Reason.DISCONNECTED)
        await asyncio.sleep(0)

    async def _silence(self, deadline_ns: int) -> None:
        """Wait until the line has been silent for long enough, but never beyond the deadline."""
        while self._wire is not None:
            now = self._clock.mono_ns()
            left_ns = min(self._quiet_since_ns + self._silence_ns, deadline_ns) - now
            if left_ns <= 0:
                return
            await asyncio.sleep(left_ns / NS_PER_S)

    async def _answer(self, unit: int, span: Span, deadline_ns: int) -> frames.Answer | None:
        while self._wire is not None:
            found = frames.find(bytes(self._buffer), unit, span)
            left_ns = deadline_ns - self._clock.mono_ns()
            if found is not None or left_ns <= 0:
                return found
            self._news.clear()
            timer = asyncio.get_running_loop().call_later(left_ns / NS_PER_S, self._news.set)
            try:
                await self._news.wait()
            finally:
                timer.cancel()
        return None

    def _failed(self, unit: int, span: Span, timeout_s: float) -> ReadFailure:
        if self._wire is None:
            return ReadFailure(self._ended)
        self._owes_until_ns[unit] = self._clock.mono_ns() + round(timeout_s * NS_PER_S)
        if self._buffer and not frames.is_begun(bytes(self._buffer), unit, span):
            self.counts["malformed"] += 1
            return ReadFailure(Reason.MALFORMED)
        self.counts["timeouts"] += 1
        self._silent += 1
        if self._silent >= _SILENT_MAX and isinstance(self._place, Address):
            self._end(Reason.DISCONNECTED)  # a dead server; a serial port is not better for being opened again
        return ReadFailure(Reason.TIMEOUT)

    def _received(self, data: bytes) -> None:
        self._quiet_since_ns = self._clock.mono_ns()
        if self._asking:
            self._buffer += data
        else:
            self._unasked_bytes += len(data)
        if max(len(self._buffer), self._unasked_bytes) > BUFFER_BYTES_MAX:
            self.counts["malformed"] += 1
            self._buffer.clear()
            self._end(Reason.MALFORMED)
        self._news.set()

    def _lost(self) -> None:
        self.counts["disconnects"] += 1
        self._end(Reason.DISCONNECTED)
        self._news.set()

    def _end(self, reason: Reason) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            self._ended = reason
            wire.close()
            self._patience.failed()
