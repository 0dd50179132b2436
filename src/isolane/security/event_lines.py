"""This file writes security events of Channel B and of the center.

It guards that whoever causes them can neither write our log nor flood it, and that no secret is ever part of a line.

One event is one line, with the UTC time that the process's log puts before it::

    security-event type=quota gateway=gw-7 peer=10.0.0.7 detail="1000 messages wait for their turn"

Whatever came from outside is cut and percent-encoded, so a line holds printable ASCII only. In any 60 s one line of
each type is written for a source and `_LINES_MAX` for all; what was left out is counted and told with the next line of
that type and source (`suppressed=N`).
"""

import logging
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from time import monotonic_ns
from urllib.parse import quote

from isolane.core.line_limit import LineLimit

_LOG = logging.getLogger(__name__)

_LINES_MAX = 100
_TEXT_CHARS_MAX = 120
_SAFE = "!$&'()*+,/:;@[]~"


class Kind(StrEnum):
    """What happened; the word after `type=`."""

    IDENTITY = "identity"
    """Somebody speaks for another gateway: in a payload, a topic or a path."""
    UNREADABLE = "unreadable"
    """A message that no gateway of ours would send."""
    QUOTA = "quota"
    """A gateway sends more than it may."""
    OVERSIZE = "oversize"
    """A message is larger than broker or center take."""
    TLS = "tls"
    """A peer could not prove who it is."""
    FOREIGN_ANSWER = "foreign-answer"
    """Who answered is not our center: a captive portal, a proxy, a redirect."""
    ROLLBACK = "rollback"
    """A backup was restored: what the center knows is older than what it has told, by its own word or a gateway's."""
    ADDRESS = "address"
    """A name of somebody's choosing leads to where nothing may be sent."""
    STORAGE = "storage"
    """What was taken could not be kept: the disk is full or broken."""
    COMMAND = "command"
    """A command that nobody of ours can have signed, or one that its signers may not give."""
    CLOCK_SET = "setting-system-time"
    """The UTC clock was set by more than a correction."""


class EventLines:
    """Counts and, within bounds, logs; see the top of this file.

    Args:
        clock_ns: A monotonic clock.

    Attributes:
        counts: Events by type since the start, written or not.
    """

    def __init__(self, clock_ns: Callable[[], int] = monotonic_ns) -> None:
        self.counts: Counter[Kind] = Counter()
        self._clock_ns = clock_ns
        self._lines = LineLimit(1, _LINES_MAX)

    def report(self, kind: Kind, *, gateway: str = "", peer: str = "", detail: str = "") -> None:
        """Tell of one event; `gateway` or `peer` says who, or the detail names the file that it is about.

        Args:
            kind: What happened.
            gateway: Whose certificate it was done with.
            peer: Address of who did it, where it is known.
            detail: More, in words of ours; never a secret.
        """
        self.counts[kind] += 1
        suppressed = self._lines.admit(
            f"{kind} {gateway or peer or detail.partition(':')[0]}"[:_TEXT_CHARS_MAX], self._clock_ns()
        )
        if suppressed is None:
            return
        _LOG.warning(
            'security-event type=%s gateway=%s peer=%s detail="%s"%s',
            kind.value,
            quote(gateway[:_TEXT_CHARS_MAX], safe=_SAFE) or "-",
            quote(peer[:_TEXT_CHARS_MAX], safe=_SAFE) or "-",
            quote(detail[:_TEXT_CHARS_MAX], safe=_SAFE + " ="),
            f" suppressed={suppressed}" if suppressed else "",
        )
