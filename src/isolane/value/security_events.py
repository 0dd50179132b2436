"""This file tells of attacks and misuse.

It guards that an attacker can neither write our log nor flood it, and that no secret is ever part of a line.

One event is one line::

    security-event type=authentication listener=0.0.0.0:8887 peer=10.0.0.7 charger=CP1 detail="wrong password"

Whatever came from outside is cut and percent-encoded, so a line holds printable ASCII only. An attack is one line: in
any 60 s one of each type is written for a source, and `_LINES_MAX` for all; what was left out is counted and told with
the next line of that type and source (`suppressed=N`). A source is an IPv4 address or the /64 of an IPv6 one; what
nobody's address caused counts by itself. Every event is counted by type, written or not.
"""

import ipaddress
import logging
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from time import monotonic_ns
from typing import Final
from urllib.parse import quote

from isolane.core.line_limit import LineLimit

_log = logging.getLogger(__name__)

_LINES_MAX = 100
"""From all sources together: an attacker with many addresses fills no disk either."""
_TEXT_CHARS_MAX = 120
_SAFE = "!$&'()*+,/:;@[]~"
_IPV6_SITE_BITS = 64
"""One host may use every address below such a prefix."""


class Kind(StrEnum):
    """What happened; the label `type` of the counter."""

    MALFORMED = "malformed-request"
    SMUGGLING = "smuggling"
    BAD_IDENTITY = "bad-identity"
    UNKNOWN_IDENTITY = "unknown-identity"
    ORIGIN = "foreign-origin"
    SLOW = "slow-handshake"
    CROWDING = "crowding"
    TLS = "tls"
    CERTIFICATE = "certificate"
    AUTHENTICATION = "authentication"
    CREDENTIAL = "credential"
    LIMIT = "limit"
    THROTTLED = "throttled"
    DUPLICATE = "duplicate-identity"
    PROFILE = "profile"
    STATE = "state"
    RELOAD = "reload"
    OWN_CALL = "own-call"


OF_RESULT: Final = {
    "malformed": Kind.MALFORMED,
    "smuggling": Kind.SMUGGLING,
    "bad-identity": Kind.BAD_IDENTITY,
    "unknown": Kind.UNKNOWN_IDENTITY,
    "origin": Kind.ORIGIN,
    "late": Kind.SLOW,
    "evicted": Kind.CROWDING,
    "shed": Kind.CROWDING,
    "full": Kind.CROWDING,
    "tls": Kind.TLS,
    "certificate": Kind.CERTIFICATE,
    "unauthenticated": Kind.AUTHENTICATION,
    "throttled": Kind.THROTTLED,
    "duplicate": Kind.DUPLICATE,
    "profile": Kind.PROFILE,
    "state": Kind.STATE,
}
"""Which ends of a handshake are security events."""


class SecurityEvents:
    """Counts and, within bounds, logs; see the top of this file.

    Args:
        clock_ns: A monotonic clock.

    Attributes:
        counts: Events by type since the start.
    """

    def __init__(self, clock_ns: Callable[[], int] = monotonic_ns) -> None:
        self.counts: Counter[Kind] = Counter()
        self._clock_ns = clock_ns
        self._lines = LineLimit(1, _LINES_MAX)

    def report(self, kind: Kind, *, listener: str = "", peer: str = "", charger: str = "", detail: str = "") -> None:
        """Tell of one event.

        Args:
            kind: What happened.
            listener: The port it happened at, "" for none.
            peer: IP address of who caused it, "" for none.
            charger: Identity that was claimed, "" for none.
            detail: More, in words of ours; never a secret.
        """
        self.counts[kind] += 1
        source = source_of(peer) if peer else f"{charger} {detail}"[:_TEXT_CHARS_MAX]
        suppressed = self._lines.admit(f"{kind} {source}", self._clock_ns())
        if suppressed is None:
            return
        _log.warning(
            'security-event type=%s listener=%s peer=%s charger=%s detail="%s"%s',
            kind.value,
            _clean(listener),
            _clean(peer),
            _clean(charger),
            quote(detail[:_TEXT_CHARS_MAX], safe=_SAFE + " ="),
            f" suppressed={suppressed}" if suppressed else "",
        )

    def close(self) -> None:
        """Say what was suppressed and not told yet."""
        if count := self._lines.close():
            _log.warning("security-events-suppressed count=%d", count)


def source_of(peer: str) -> str:
    """Give what counts as one source: an IPv4 address, or the /64 of an IPv6 one."""
    if ":" not in peer:
        return peer
    try:
        address = ipaddress.IPv6Address(peer)
    except ValueError:
        return peer
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address), _IPV6_SITE_BITS), strict=False))


def _clean(text: str) -> str:
    return quote(text[:_TEXT_CHARS_MAX], safe=_SAFE) or "-"
