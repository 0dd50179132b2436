"""This file keeps sessions; it guards that an ended one opens nothing, here at once and elsewhere within seconds.

A cookie is 256 random bits; the database has its SHA-256. What the database said of a cookie is believed for
`_FRESH_S`, so that a request costs no round trip; what this process has ended is remembered beyond that. A session
ends when it was not used for so long, when it is too old whether used or not, and when it is ended.
"""

import hashlib
import logging
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import monotonic

from isolane.center.people.settings import AccessSettings
from isolane.center.store.people_records import Note, OpenSession, PeopleRecords, Person
from isolane.center.store.people_views import Visit
from isolane.center.store.port import UnavailableError

_log = logging.getLogger(__name__)

_FRESH_S = 3.0
_TOUCH_MS = 60_000
_HELD_MAX = 8192
_AGENT_CHARS_MAX = 200
_COOKIE_CHARS = 43
"""Of 32 bytes in URL-safe base64."""


@dataclass(slots=True)
class _Held:
    """What the database said of a cookie, and when; None for a cookie that opens nothing."""

    found: tuple[OpenSession, Person] | None
    read_s: float
    seen_ms: int


def digest(secret: str) -> bytes:
    """Give what the database knows a cookie or token by."""
    return hashlib.sha256(secret.encode()).digest()


class Sessions:
    """Opens, finds and ends sessions.

    Args:
        records: Where they are kept.
        settings: Their time-outs.
        now_ms: UTC clock, ms.
        clock: A monotonic clock, s.
    """

    def __init__(
        self,
        records: PeopleRecords,
        settings: AccessSettings,
        now_ms: Callable[[], int],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._records = records
        self._idle_ms = settings.idle_minutes * 60_000
        self._longest_ms = settings.session_hours * 3_600_000
        self._now_ms = now_ms
        self._clock = clock
        self._held: OrderedDict[bytes, _Held] = OrderedDict()
        self._ended: OrderedDict[bytes, None] = OrderedDict()

    async def open(self, person: Person, visit: Visit, device: str, note: Note) -> str:
        """Open one; gives the cookie's value. The session that the browser had before ends."""
        cookie, now_ms = secrets.token_urlsafe(32), self._now_ms()
        one = OpenSession(
            digest(cookie),
            person.name,
            digest(device),
            now_ms,
            now_ms,
            visit.address,
            visit.agent[:_AGENT_CHARS_MAX],
        )
        replaced = digest(visit.session) if visit.session else None
        await self._records.open_session(one, note, replaced)
        if replaced is not None:
            self.forget([replaced])
        return cookie

    async def find(self, cookie: str) -> tuple[OpenSession, Person] | None:
        """Find whom a cookie stands for; None if it opens nothing (any more)."""
        if len(cookie) != _COOKIE_CHARS:
            return None
        id_ = digest(cookie)
        held = self._held.get(id_)
        if held is None or self._clock() - held.read_s > _FRESH_S:
            read_s = self._clock()
            found = await self._records.session(id_)
            seen_ms = max(found[0].seen_ms, held.seen_ms if held else 0) if found else 0
            held = self._held[id_] = _Held(found, read_s, seen_ms)
            self._held.move_to_end(id_)
            if len(self._held) > _HELD_MAX:
                self._held.popitem(last=False)
        if held.found is None or id_ in self._ended or not self._holds(held):
            return None
        await self._touch(held)
        return held.found

    def _holds(self, held: _Held) -> bool:
        if held.found is None or held.found[1].disabled:
            return False
        now_ms = self._now_ms()
        return now_ms - held.seen_ms < self._idle_ms and now_ms - held.found[0].created_ms < self._longest_ms

    async def _touch(self, held: _Held) -> None:
        """Note the use, once a minute."""
        now_ms = self._now_ms()
        if held.found is not None and now_ms - held.seen_ms >= _TOUCH_MS:
            held.seen_ms = now_ms
            try:
                await self._records.touch(held.found[0].id, now_ms)
            except UnavailableError as error:  # a full disk is no reason to throw out who wants to look at it
                _log.warning("session-use-not-noted error=%s", error)

    def forget(self, ids: Iterable[bytes]) -> None:
        """Let these open nothing from now on; the database has already ended them."""
        for id_ in ids:
            self._ended[id_] = None
            self._held.pop(id_, None)
        while len(self._ended) > _HELD_MAX:
            self._ended.popitem(last=False)

    def is_over(self, one: OpenSession) -> bool:
        """Tell whether a session that nobody has ended is over by time."""
        now_ms = self._now_ms()
        return now_ms - one.seen_ms >= self._idle_ms or now_ms - one.created_ms >= self._longest_ms
