"""This file holds what the ports for chargers share.

It guards that those who have not been answered yet are bounded in number, and that each of them is noted once.

Who has to give way when there is no room, in this order: a socket without a whole request (the oldest, for any new
one); a charger that waits for its answer and has proved nothing (the oldest, for one that has); never one that is
connected. Proved is a client certificate, a password that was checked here, or that the CSMS has accepted the identity
from the same address before.

Handshakes that fail by the other end's doing are counted for its address (attempts.py): over
`failed_handshakes_per_min` it is told 429, or, where no charger is known at that address, not even listened to.
"""

import asyncio
import logging
from dataclasses import dataclass, field
from time import monotonic_ns
from typing import Final, Protocol

from isolane.value.access.admission import Admission
from isolane.value.access.attempts import Attempts
from isolane.value.door.policy import Policy
from isolane.value.failures import Refused
from isolane.value.key_files import KeyFiles
from isolane.value.legs.duplicates import Duplicates
from isolane.value.legs.stream import keep_alive
from isolane.value.own_calls.service import OwnCalls
from isolane.value.registry import Registry
from isolane.value.security_events import OF_RESULT, Kind, SecurityEvents
from isolane.value.settings import Limits
from isolane.value.tap_port import TapPort
from isolane.value.upstream.dial import Upstream

_log = logging.getLogger(__name__)

RETRY: Final = (("Retry-After", "10"),)
_LATER: Final = (("Retry-After", "60"),)
_FAILED: Final = frozenset(
    {
        Kind.MALFORMED,
        Kind.SMUGGLING,
        Kind.BAD_IDENTITY,
        Kind.UNKNOWN_IDENTITY,
        Kind.ORIGIN,
        Kind.TLS,
        Kind.CERTIFICATE,
        Kind.AUTHENTICATION,
    }
)
"""Ends of a handshake that an honest charger rarely sees; slow and crowded networks are not among them."""
_LINES_MAX = 10
_WINDOW_NS = 10_000_000_000
"""Ten refusals in ten seconds are logged; the rest are counted, so that an attacker cannot write our log."""


class Unanswered(Protocol):
    """A charger's leg that has no answer yet.

    Attributes:
        proved: Whether it is a charger, as far as one can know before the CSMS has said so.
    """

    proved: bool

    def evict(self) -> None:
        """Give way to a newer one."""

    def give_way(self) -> None:
        """End it, while it waits for its answer, for one that has proved more."""

    def turn_away(self) -> None:
        """End it because the relay ends."""


@dataclass(frozen=True, slots=True)
class End:
    """Whose handshake ended: the port it came in on, its IP address, the identity it claims ("" before it has)."""

    listener: str
    peer: str
    charger: str


@dataclass(slots=True)
class Entrance:
    """What the gates of all listeners share."""

    policy: Policy
    upstream: Upstream
    registry: Registry
    duplicates: Duplicates
    tap: TapPort
    limits: Limits
    untouched: bool
    events: SecurityEvents
    admission: Admission
    keys: KeyFiles
    holds: bool = False
    own_calls: OwnCalls | None = None
    preauth: dict[Unanswered, None] = field(default_factory=dict)
    asking: dict[Unanswered, None] = field(default_factory=dict)
    strangers: Attempts = field(init=False)
    loop: asyncio.AbstractEventLoop = field(init=False)
    ports: list[asyncio.Server] = field(default_factory=list)
    _logged: int = 0
    _window_ns: int = 0

    def __post_init__(self) -> None:
        """Count from here on. The loop is kept because asking for it is a system call before Python 3.12."""
        self.loop = asyncio.get_running_loop()
        self.strangers = Attempts(self.limits.failed_handshakes_per_min)

    def hold_to(self, limits: Limits) -> None:
        """Use other limits for who comes from now on."""
        if limits.failed_handshakes_per_min != self.limits.failed_handshakes_per_min:
            self.strangers = Attempts(limits.failed_handshakes_per_min)
        self.limits = limits
        for port in self.ports:
            self._watch(port)

    def open_port(self, port: asyncio.Server) -> None:
        """Watch whether the chargers that come in by a port can still be reached."""
        self.ports.append(port)
        self._watch(port)

    def _watch(self, port: asyncio.Server) -> None:
        """Set it once for all: a socket that is accepted has the options of the one that listens."""
        for sock in port.sockets:
            keep_alive(sock, self.limits.dead_s)

    def admit(self, gate: Unanswered) -> None:
        """Take a socket in; the oldest that has not asked yet gives way when there are too many."""
        if len(self.preauth) >= self.limits.preauth:
            next(iter(self.preauth)).evict()
        self.preauth[gate] = None

    def check_pace(self, end: End) -> None:
        """See that an address has not failed too often.

        Raises:
            Refused: 429.
        """
        if not self.strangers.may_try(end.peer, end.charger):
            raise Refused(429, "throttled", _LATER, detail="failed handshakes")

    def ask(self, gate: Unanswered) -> None:
        """Let one more charger wait for the CSMS's answer.

        Raises:
            Refused: 503; there is no room, and nobody has to give way.
        """
        if len(self.registry.living) + len(self.asking) >= self.limits.connections:
            weakest = next((each for each in self.asking if not each.proved), None) if gate.proved else None
            if weakest is None:
                raise Refused(503, "full", RETRY)
            del self.asking[weakest]
            weakest.give_way()
        self.preauth.pop(gate, None)
        self.asking[gate] = None

    def note(self, result: str, end: End, detail: str = "", kind: Kind | None = None) -> None:
        """Count and, within bounds, log how a handshake ended other than with 101.

        Args:
            result: How, a label of `isolane_value_handshakes_total`.
            end: Whose.
            detail: More for the log.
            kind: Which security event it is; by its result where None.
        """
        self.registry.handshakes[result] += 1
        kind = kind or OF_RESULT.get(result)
        if kind in _FAILED:
            self.strangers.begin(end.peer, end.charger)
        if kind is not None:
            self.events.report(kind, listener=end.listener, peer=end.peer, charger=end.charger, detail=detail)
            return
        now = monotonic_ns()
        if now - self._window_ns > _WINDOW_NS:
            if self._logged > _LINES_MAX:
                _log.warning("handshakes-refused-unlogged count=%d", self._logged - _LINES_MAX)
            self._logged, self._window_ns = 0, now
        self._logged += 1
        if self._logged <= _LINES_MAX:
            _log.warning("handshake-refused result=%s peer=%s detail=%r", result, end.peer, detail)

    def close(self) -> None:
        """Turn away everybody who has not been answered."""
        for gate in [*self.preauth, *self.asking]:
            gate.turn_away()
