"""This file tells of what may be an attack; it guards that telling can neither flood a log nor leak what was said.

One event is one line, with the same names as the relay's lines; the tap does not know an address, so `peer` is "-"::

    security-event type=meter-regress charger=CP1 connection=7 peer=- detail="evse=1 change=back" utc=2026-...Z

`detail` holds words of ours, numbers, pseudonyms and identities of chargers. Each is percent-encoded, so a line is
printable ASCII. In any 60 s one line is written for a charger and type, and `_LINES_MAX` for all; what was left out is
told with the next of that charger and type (`suppressed=N`). Every event is counted by type and told to the health
process, both whether its line was written or not.
"""

import logging
from collections import Counter
from datetime import UTC, datetime
from typing import Final, NamedTuple
from urllib.parse import quote

from isolane.core.clock import Clock
from isolane.core.line_limit import LineLimit
from isolane.wire.tap_event import SecurityEvent, SecurityKind

_LINES_MAX: Final = 30
_SAFE: Final = "!$&'()*+,/:;@[]~"
_log = logging.getLogger(__name__)


class Source(NamedTuple):
    """Where an event was seen: the charger's identity and the relay's number of its connection."""

    charger: str
    connection: int


class SecurityEvents:
    """Counts, logs within bounds, and gathers for the health process.

    Args:
        clock: Its wall clock stamps lines, its monotonic side bounds them.

    Attributes:
        counts: Events by type since the start.
    """

    def __init__(self, clock: Clock) -> None:
        self.counts: Counter[SecurityKind] = Counter()
        self._clock = clock
        self._lines = LineLimit(1, _LINES_MAX)
        self._untold: dict[tuple[str, SecurityKind], tuple[int, int]] = {}

    def report(self, kind: SecurityKind, source: Source, mono_ns: int, **detail: str | float) -> None:
        """Tell of one event.

        Args:
            kind: What happened.
            source: Where.
            mono_ns: When the relay read it.
            detail: More, in words of ours, numbers and pseudonyms; never what a message says.
        """
        self.counts[kind] += 1
        count, _ = self._untold.get((source.charger, kind), (0, 0))
        self._untold[source.charger, kind] = (count + 1, mono_ns)
        suppressed = self._lines.admit(f"{kind} {source.charger}", self._clock.mono_ns())
        if suppressed is None:
            return
        moment = datetime.fromtimestamp(self._clock.utc_ns() / 1e9, UTC)
        _log.warning(
            'security-event type=%s charger=%s connection=%d peer=- detail="%s" utc=%s%s',
            kind.value,
            quote(source.charger, safe=_SAFE),
            source.connection,
            " ".join(f"{name}={quote(str(value), safe=_SAFE)}" for name, value in detail.items()),
            moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            f" suppressed={suppressed}" if suppressed else "",
        )

    def tell(self) -> list[SecurityEvent]:
        """Give what happened since the last time this was asked, one event for each charger and type."""
        told = [SecurityEvent(who, mono_ns, kind, count) for (who, kind), (count, mono_ns) in self._untold.items()]
        self._untold.clear()
        return told

    def close(self) -> None:
        """Say how many lines were left out and not told yet."""
        if count := self._lines.close():
            _log.warning("security-events-suppressed count=%d", count)
