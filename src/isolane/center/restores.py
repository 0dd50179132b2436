"""This file tells of restored backups when the center starts; it guards that each is told once, and none is missed."""

import time

from isolane.center.store.revocations import RevocationLog, Told
from isolane.security.event_lines import EventLines, Kind

_MS_PER_S = 1000
_S_PER_DAY = 86_400


def tell_of_restores(log: RevocationLog, events: EventLines | None = None) -> None:
    """Write a security event for each backup that was restored since the center last ran.

    Args:
        log: Knows of them.
        events: Where it is told.
    """
    events = events or EventLines()
    for restored in log.untold():
        made = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(restored.made_ms / _MS_PER_S))
        days = (restored.at_ms - restored.made_ms) / _MS_PER_S / _S_PER_DAY
        events.report(Kind.ROLLBACK, detail=f"backup of {made} restored, {days:.1f} days old")
        log.append(Told())
