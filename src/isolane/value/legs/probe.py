"""This file asks a charger whether it is still there; it guards that nobody north learns of the question.

One `Probe` a connection, made when it is first needed. The question is a Ping of ours between two frames; any byte
that the charger sends after it is an answer, its Pong is taken out of the stream. RFC 6455 §5.5.3 lets a peer answer
only the last of several Pings, so a Pong may never come: it stays awaited, and the connection's bytes go the careful
way, until it does or the connection ends.
"""

import asyncio
import os
from time import monotonic_ns

from isolane.value.legs.scan import OWN_PING_BYTES
from isolane.value.legs.splice import Pipe
from isolane.value.registry import Registry

_FRESH_NS = 1_000_000_000
"""A charger that has answered this lately is not asked again, so that newcomers cannot make us flood it with Pings."""


class Probe:
    """Questions to one charger.

    Args:
        registry: Where it counts.
        from_charger: The pipe that reads it.
        from_csms: The pipe that writes to it.

    Attributes:
        silent: Whether it has sent nothing since the last question.
    """

    __slots__ = (
        "_answer", "_due", "_from_charger", "_from_csms", "_heard_ns", "_payload", "_registry", "_timer", "silent",
    )  # fmt: skip

    def __init__(self, registry: Registry, from_charger: Pipe, from_csms: Pipe) -> None:
        self._registry = registry
        self._from_charger = from_charger
        self._from_csms = from_csms
        self._payload = os.urandom(OWN_PING_BYTES)
        self._due = 0
        self._heard_ns = -_FRESH_NS
        self._answer: asyncio.Future[bool] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.silent = False

    async def is_answered(self, wait_s: float) -> bool:
        """Tell whether the charger sends a byte within `wait_s`; whoever asks meanwhile shares the answer."""
        if monotonic_ns() - self._heard_ns < _FRESH_NS:
            return True
        if self._answer is None or self._answer.done():
            loop = asyncio.get_running_loop()
            self._answer = loop.create_future()
            self._timer = loop.call_later(wait_s, self.give_up)
            self.silent = True
            self._due += 1
            self._registry.probes += 1
            self._from_charger.await_pong(self._payload)
            self._from_csms.send_ping(self._payload)
        return await asyncio.shield(self._answer)

    def heard(self) -> None:
        """Know that the charger has sent something."""
        self.silent = False
        if self._answer is not None and not self._answer.done():
            self._heard_ns = monotonic_ns()
            self._settle(alive=True)

    def ponged(self) -> None:
        """Know that a Pong of ours was taken out."""
        self._due -= 1
        if not self._due:
            self._from_charger.await_pong(b"")

    def give_up(self) -> None:
        """Answer that the charger is not there: the time is up or the connection has ended."""
        self._settle(alive=False)

    def _settle(self, *, alive: bool) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(alive)
