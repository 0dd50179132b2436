"""This file words the audit's lines; it guards that a line says who, what, when and from where, and holds no secret."""

import time
from collections.abc import Callable

from isolane.center.store.people_records import Note, PeopleRecords
from isolane.center.store.people_views import caller_or_none, visit
from isolane.core.clock import NS_PER_MS

REFUSALS_PER_H = 1000
"""Lines about refused log-ins; who sends more of them must not fill the disk."""
_HOUR_MS = 3_600_000


def utc_ms() -> int:
    """Give the UTC time, ms."""
    return time.time_ns() // NS_PER_MS


class Audit:
    """Makes lines; those of a change are written with the change.

    Args:
        records: Where they are kept.
        now_ms: UTC clock, ms.
    """

    def __init__(self, records: PeopleRecords, now_ms: Callable[[], int] = utc_ms) -> None:
        self._records = records
        self._now_ms = now_ms
        self._hour = 0
        self._refusals = 0

    def line(self, what: str, subject: str = "", *, who: str = "") -> Note:
        """Make a line about the request of the moment; `who` is needed where nobody is logged in yet."""
        known = caller_or_none()
        return Note(self._now_ms(), who or (known.name if known else ""), what, subject, visit().address)

    async def refused(self, subject: str) -> None:
        """Write that a log-in was refused."""
        hour = self._now_ms() // _HOUR_MS
        if hour != self._hour:
            self._hour, self._refusals = hour, 0
        self._refusals += 1
        if self._refusals <= REFUSALS_PER_H:
            await self._records.note(self.line("log-in-refused", subject))
