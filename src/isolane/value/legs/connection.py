"""This file is the life of one charger's connection.

It guards that both legs end together, once, and for a reason that is told.

What the legs do while they live is in splice.py; the states and the order of an end are at its top.
"""

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from isolane.value.legs.probe import Probe
from isolane.value.legs.scan import ASSEMBLY, Offence, close_frame
from isolane.value.legs.splice import LEGS, Pipe
from isolane.value.legs.stream import Stream
from isolane.value.registry import Registry
from isolane.value.security_events import Kind, SecurityEvents
from isolane.value.settings import Limits
from isolane.value.tap_port import TapPort
from isolane.wire.tap_copy import Direction, Opened

if TYPE_CHECKING:
    from isolane.value.legs.hold import Hold

_log = logging.getLogger(__name__)

GOING_AWAY: Final = 1001
_STALL: Final = Offence("stall", 1008)
_FLUSH_S = 1.0
"""What a last Close frame gets to leave the machine."""


class Connection:
    """Two legs joined. Made when the charger has been answered 101; it lives until both legs are gone.

    Args:
        registry: Where it counts.
        tap: Who gets copies.
        limits: See `settings.Limits`.
        facts: What the tap is told.
        events: Who is told of broken limits.
        charger: The charger's leg.
        csms: The CSMS's leg.

    Attributes:
        number: Unique while this process lives.
        copy: See `TapPort.copy`.
        waiting: How the charger waits for a CSMS that is away, None for not at all.
    """

    __slots__ = (
        "_cause", "_events", "_expired", "_first", "_probe", "_tap", "_timer", "charger", "copy", "from_charger",
        "from_csms", "limits", "number", "registry", "waiting",
    )  # fmt: skip

    def __init__(
        self,
        registry: Registry,
        tap: TapPort,
        limits: Limits,
        facts: Opened,
        events: SecurityEvents,
        *,
        charger: Stream,
        csms: Stream,
    ) -> None:
        self.registry = registry
        self._events = events
        self.limits = limits
        self.charger = facts.charger
        self.number = registry.next_number()
        self.copy = tap.copy
        self._join(charger, csms)
        self._tap = tap
        self.waiting: Hold | None = None
        self._cause = ""
        self._first = Direction.FROM_CHARGER
        self._timer: asyncio.TimerHandle | None = None
        self._expired = False
        self._probe: Probe | None = None
        registry.add(self)
        tap.opened(self.number, facts)

    def _join(self, charger: Stream, csms: Stream) -> None:
        self.from_charger = Pipe(self, Direction.FROM_CHARGER, charger, csms, self.limits)
        self.from_csms = Pipe(self, Direction.FROM_CSMS, csms, charger, self.limits)
        self.from_charger.other, self.from_csms.other = self.from_csms, self.from_charger
        for pipe in (self.from_charger, self.from_csms):
            pipe.source.set_write_buffer_limits(self.limits.buffer_bytes)
            pipe.source.set_protocol(pipe)

    def hold(self) -> bool:
        """Let the charger wait for a CSMS whose leg has just ended; tell whether it does."""
        up, down = self.from_charger, self.from_csms
        if self.waiting is None or self._cause or not (up.between and down.between):
            return False
        if up.source.is_closing() or up.source.get_write_buffer_size():
            return False
        up.retire()
        down.retire()
        down.source.set_protocol(asyncio.Protocol())
        down.source.abort()
        self.waiting.begin()
        return True

    def splice(self, csms: Stream) -> None:
        """Join the charger that has waited to a new leg; counts go on."""
        old = (self.from_charger, self.from_csms)
        self._probe = None
        self._join(self.from_charger.source, csms)
        for pipe, before in zip((self.from_charger, self.from_csms), old, strict=True):
            pipe.bytes, pipe.scanner.frames = before.bytes, before.scanner.frames

    def let_go(self, cause: str, leg: str, code: str) -> None:
        """End a charger that waits for its CSMS."""
        self.ending(Direction.FROM_CSMS, cause, leg, code)
        charger = self.from_charger.source
        charger.write(close_frame(GOING_AWAY, key=None))
        charger.close()

    def traffic(self, direction: Direction) -> tuple[int, int]:
        """See `registry.Counted`."""
        pipe = self.from_csms if direction else self.from_charger
        return pipe.scanner.frames, pipe.bytes

    def ending(self, first: Direction, cause: str, leg: str, code: str) -> None:
        """Note the first sign of an end; later ones are its echoes."""
        if self._cause:
            return
        self._cause, self._first = cause, first
        if cause != "limit":
            self.from_charger.hurry()
        self.registry.release(self)
        self.registry.closes[leg, code] += 1
        self._timer = asyncio.get_running_loop().call_later(self.limits.close_s, self._expire)

    def offended(self, offender: Pipe, offence: Offence) -> None:
        """End both legs with a Close frame that says why; nothing of the offending frame has passed."""
        self.registry.limit_closes[offence.limit] += 1
        self._tell(offence, LEGS[offender.direction])
        self.ending(offender.direction, "limit", "relay", str(offence.code))
        offender.send_close(offence.code)
        offender.other.send_close(offence.code)

    def _tell(self, offence: Offence, leg: str) -> None:
        detail = f"connection {self.number}, {offence.limit} by the {leg}"
        self._events.report(Kind.LIMIT, peer=self.peer, charger=self.charger, detail=detail)

    def stalled(self, pipe: Pipe) -> None:
        """End both legs: one has not taken a byte for `stall_s`."""
        self.offended(pipe, _STALL)

    def look(self, now_s: float) -> None:
        """See `registry.Counted`. An end that has begun has its own time."""
        if self._cause:
            return
        for pipe in (self.from_charger, self.from_csms):
            if pipe.is_overdue(now_s):
                self.offended(pipe, ASSEMBLY)
                pipe.cut()
                return

    def go_away(self) -> None:
        """See `registry.Counted`.

        The CSMS sees the charger's own Close frame, behind everything that the charger sent before.
        """
        if self.waiting is not None and self.waiting.active:
            self.waiting.stop("drain")
            self.let_go("drain", "relay", str(GOING_AWAY))
            return
        self.ending(Direction.FROM_CSMS, "drain", "relay", str(GOING_AWAY))
        self.from_csms.send_close(GOING_AWAY)

    @property
    def peer(self) -> str:
        """See `registry.Counted`."""
        peer = self.from_charger.source.get_extra_info("peername")
        return str(peer[0]) if peer else ""

    @property
    def silent(self) -> bool:
        """See `registry.Counted`."""
        return self._probe is not None and self._probe.silent

    async def is_answered(self, wait_s: float) -> bool:
        """See `registry.Counted`."""
        if self._probe is None:
            self._probe = Probe(self.registry, self.from_charger, self.from_csms)
        return await self._probe.is_answered(wait_s)

    def heard(self) -> None:
        """Know that the charger has sent something while a Pong of ours is awaited."""
        if self._probe is not None:
            self._probe.heard()

    def ponged(self) -> None:
        """Know that a Pong of ours was taken out of the charger's stream."""
        if self._probe is not None:
            self._probe.ponged()

    def give_way(self) -> None:
        """End both legs: a newcomer has the identity now."""
        if self.waiting is not None and self.waiting.active:
            self.waiting.stop("replaced")
            self.let_go("replaced", "relay", str(GOING_AWAY))
            return
        self.ending(Direction.FROM_CHARGER, "replaced", "relay", str(GOING_AWAY))
        self.from_csms.send_close(GOING_AWAY)
        self.from_charger.send_close(GOING_AWAY)

    def close(self) -> None:
        """End both legs when what is waiting is sent."""
        self.from_charger.source.close()
        self.from_csms.source.close()

    def end_now(self) -> None:
        """See `registry.Counted`."""
        self.from_charger.source.abort()
        self.from_csms.source.abort()

    def gone(self) -> None:
        """Forget the connection: both legs are gone."""
        if self._timer is not None:
            self._timer.cancel()
        if self._probe is not None:
            self._probe.give_up()
        if self.number not in self.registry.living:
            return
        self.registry.forget(self)
        cause = self._cause or "end-of-stream"
        self._tap.closed(self.number, self._first, cause)
        up, down = self.from_charger, self.from_csms
        self.registry.lines.closed(
            self.number,
            self.charger,
            f"cause={cause} first={LEGS[self._first]} frames={up.scanner.frames}/{down.scanner.frames} "
            f"bytes={up.bytes}/{down.bytes}",
        )
        self.waiting = None
        up.part()
        down.part()

    def _expire(self) -> None:
        """End what has not ended by itself: a last Close frame where one may stand, then both legs at once."""
        if self._expired:
            self.end_now()
            return
        self._expired = True
        self.from_charger.send_close(GOING_AWAY)
        self.from_csms.send_close(GOING_AWAY)
        self._timer = asyncio.get_running_loop().call_later(min(_FLUSH_S, self.limits.close_s), self._expire)
