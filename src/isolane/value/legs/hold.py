"""This file keeps a charger waiting while its CSMS is away.

It guards that nobody can tell the new leg from the old one: nothing is answered, lost or said twice.

Opt-in (`outage = "hold"`). A CSMS leg that ends without a Close frame, between two messages in both directions, does
not end the charger's: what the charger sends meanwhile waits, at most `hold_bytes`, and the CSMS is dialled again with
the very same handshake for `hold_s`. Where it answers with the same subprotocol and extensions, and compression keeps
nothing between messages, the legs are joined again and what waited goes up first. In every other case, and when the
time or the room is over, the charger gets a Close frame with 1001 and its connection ends, as it would have at once
without this mode.

What changes for the charger: a CALL that the old leg took and did not answer is answered by nobody. The charger's own
timeout decides, as it does when a CSMS restarts behind a load balancer.

States: spliced → (the CSMS's leg ends) waiting → spliced again, or over. While waiting this object is the protocol of
the charger's leg.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from isolane.value.door.handshake import Accepted, Answer
from isolane.value.failures import Refused
from isolane.value.legs.splice import LEGS
from isolane.value.settings import Limits
from isolane.value.upstream.dial import CsmsLeg
from isolane.wire.tap_copy import Direction

if TYPE_CHECKING:
    from isolane.value.legs.connection import Connection

_log = logging.getLogger(__name__)

_AGAIN_S_MIN = 0.25
_AGAIN_S_MAX = 5.0
_DECIDED: Final = 500
"""A status below this, other than 101, is the CSMS's decision about this charger, which stands."""

Dial = Callable[[], Awaitable[tuple[CsmsLeg, Answer]]]
Check = Callable[[Answer], Accepted]


class Hold(asyncio.Protocol):
    """The wait of one connection; see the top of this file.

    Args:
        connection: Whose.
        accepted: What the charger was answered.
        dial: Asks the CSMS as it was asked first.
        check: Checks its 101; raises Refused.
        limits: `hold_s` and `hold_bytes` apply.

    Attributes:
        active: Whether the charger waits.
    """

    __slots__ = ("_accepted", "_check", "_connection", "_dial", "_limits", "_task", "_waiting", "active")

    def __init__(self, connection: "Connection", accepted: Accepted, dial: Dial, check: Check, limits: Limits) -> None:
        self._connection = connection
        self._accepted = accepted
        self._dial = dial
        self._check = check
        self._limits = limits
        self._waiting = bytearray()
        self._task: asyncio.Task[None] | None = None
        self.active = False

    def begin(self) -> None:
        """Take the charger's leg and dial again."""
        self.active = True
        charger = self._connection.from_charger.source
        charger.set_protocol(self)
        charger.resume_reading()
        _log.info("hold-begins charger=%s connection=%d", self._connection.charger, self._connection.number)
        self._task = asyncio.get_running_loop().create_task(self._redial())

    def stop(self, reason: str) -> None:
        """Wait no longer; the connection ends for another reason."""
        self._end("left", reason)
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        """Let it wait; when there is no room for more the charger is not read."""
        if not self.active:
            return
        self._waiting += data
        if len(self._waiting) >= self._limits.hold_bytes:
            self._connection.from_charger.source.pause_reading()

    def eof_received(self) -> bool:
        """A charger that ends its stream does not wait."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """End: the charger is gone."""
        if self.active:
            self.stop(str(exc or "end of stream"))
        self._connection.from_charger.lost = True
        self._connection.gone()

    async def _redial(self) -> None:
        again_s = _AGAIN_S_MIN
        try:
            async with asyncio.timeout(self._limits.hold_s):
                while not await self._is_decided():
                    await asyncio.sleep(again_s)
                    again_s = min(again_s * 2, _AGAIN_S_MAX)
        except TimeoutError:
            self._give_up("the time is over")

    async def _is_decided(self) -> bool:
        """Dial once; tell whether that was the end of the wait."""
        try:
            leg, answer = await self._dial()
        except Refused:
            return False
        if answer.status == 101 and not leg.stream.is_closing():  # noqa: PLR2004 - Switching Protocols
            self._rejoin(leg, answer)
        elif answer.status in range(200, _DECIDED):
            self._give_up(f"the CSMS answered {answer.status}")
        else:
            leg.stream.abort()
            return False
        if not leg.joined:
            leg.stream.abort()
        return True

    def _rejoin(self, leg: CsmsLeg, answer: Answer) -> None:
        connection, old = self._connection, self._accepted
        try:
            new = self._check(answer)
        except Refused:
            self._give_up("the CSMS's answer is none")
            return
        if (new.subprotocol, new.extensions) != (old.subprotocol, old.extensions):
            self._give_up("the CSMS agreed to something else")
            return
        leg.joined = True
        self._end("rejoined")
        waiting, self._waiting = bytes(self._waiting), bytearray()
        connection.splice(leg.stream)
        if waiting:
            connection.from_charger.data_received(waiting)
        if leg.rest:
            connection.from_csms.data_received(bytes(leg.rest))
        connection.from_charger.source.resume_reading()
        leg.stream.resume_reading()
        if leg.ended:
            connection.from_csms.eof_received()

    def _give_up(self, reason: str) -> None:
        self._end("given-up", reason)
        self._connection.let_go("end-of-stream", LEGS[Direction.FROM_CSMS], "eof")

    def _end(self, result: str, reason: str = "") -> None:
        self.active = False
        self._connection.registry.holds[result] += 1
        _log.info("hold-ends charger=%s result=%s reason=%r", self._connection.charger, result, reason)
