"""This file holds what the ports for chargers share.

It guards that those who have not been answered yet are bounded in number, and that each of them is noted once.
"""

import logging
from dataclasses import dataclass, field
from time import monotonic_ns
from typing import Final, Protocol

from isolane.value.admission import Admission
from isolane.value.dial import Upstream
from isolane.value.duplicates import Duplicates
from isolane.value.failures import Refused
from isolane.value.key_files import KeyFiles
from isolane.value.own_calls.service import OwnCalls
from isolane.value.policy import Policy
from isolane.value.registry import Registry
from isolane.value.security_events import OF_RESULT, Kind, SecurityEvents
from isolane.value.settings import Limits
from isolane.value.tap_port import TapPort

_log = logging.getLogger(__name__)

RETRY: Final = (("Retry-After", "10"),)
_LINES_MAX = 10
_WINDOW_NS = 10_000_000_000
"""Ten refusals in ten seconds are logged; the rest are counted, so that an attacker cannot write our log."""


class Unanswered(Protocol):
    """A charger's leg that has no answer yet."""

    def evict(self) -> None:
        """Give way to a newer one."""

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
    asking: set[Unanswered] = field(default_factory=set)
    _logged: int = 0
    _window_ns: int = 0

    def admit(self, gate: Unanswered) -> None:
        """Take a socket in; the oldest that has not asked yet gives way when there are too many."""
        if len(self.preauth) >= self.limits.preauth:
            next(iter(self.preauth)).evict()
        self.preauth[gate] = None

    def check_room(self) -> None:
        """See that one more charger may ask.

        Raises:
            Refused: 503.
        """
        if len(self.registry.living) + len(self.asking) >= self.limits.connections:
            raise Refused(503, "full", RETRY)

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
