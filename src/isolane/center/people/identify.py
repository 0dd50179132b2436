"""This file finds out who asks; it guards that role and tenants come from session or token, and from nothing else.

A center without people is open to whoever reaches it, as long as nothing lets the network in: then it is on loopback.
People are never deleted, so it does not open again.
"""

import base64
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from time import monotonic

from isolane.center.people.sessions import Sessions, digest
from isolane.center.people.tenancy import Tenancy, tenants_of
from isolane.center.store.people_records import MachineToken, PeopleRecords, Person
from isolane.center.store.people_views import Caller, Role, Scope

TOKEN_PREFIX = "iso_"  # noqa: S105 - what scanners of leaked secrets look for
_TOKEN_CHARS = len(TOKEN_PREFIX) + 43
_FRESH_S = 3.0
_HELD_MAX = 4096

NOBODY = Caller("", None, frozenset(), frozenset())
"""Somebody who has not logged in."""
OPEN = Caller("", Role.DISPATCHER, None, None, open=True)
"""Whoever reaches a center that has no people yet."""


class Identify:
    """Turns cookies and tokens into callers.

    Args:
        records: Where tokens are kept.
        sessions: Finds those.
        tenancy: Sites by tenant.
        may_be_open: Whether the center is open while it has no people.
        now_ms: UTC clock, ms.
        clock: A monotonic clock, s.
    """

    def __init__(
        self,
        *,
        records: PeopleRecords,
        sessions: Sessions,
        tenancy: Tenancy,
        may_be_open: bool,
        now_ms: Callable[[], int],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._records = records
        self._sessions = sessions
        self._tenancy = tenancy
        self._is_open = may_be_open
        self._open_since_s = float("-inf")
        self._now_ms = now_ms
        self._clock = clock
        self._tokens: OrderedDict[bytes, tuple[tuple[MachineToken, bool] | None, float]] = OrderedDict()

    async def by_cookie(self, cookie: str) -> Caller | None:
        """Find whose session this is; None if it is none."""
        found = await self._sessions.find(cookie)
        return None if found is None else await self.person(found[1], cookie)

    async def person(self, person: Person, cookie: str) -> Caller:
        """Say what somebody is to the pages, with a session's cookie."""
        tenants = tenants_of(person.tenants)
        sites = await self._tenancy.sites_of(tenants)
        return Caller(person.name, Role(person.role), tenants, sites, form_token=form_token(cookie))

    async def by_token(self, secret: str) -> Caller | None:
        """Find which program this is; None if the token is none, expired or revoked, or its maker is disabled."""
        if len(secret) != _TOKEN_CHARS or not secret.startswith(TOKEN_PREFIX):
            return None
        id_ = digest(secret)
        found, read_s = self._tokens.get(id_, (None, float("-inf")))
        if self._clock() - read_s > _FRESH_S:
            read_s = self._clock()
            found = await self._records.token(id_)
            self._tokens[id_] = (found, read_s)
            self._tokens.move_to_end(id_)
            if len(self._tokens) > _HELD_MAX:
                self._tokens.popitem(last=False)
        if found is None:
            return None
        token, is_maker_disabled = found
        if is_maker_disabled or token.revoked_ms is not None or token.expires_ms <= self._now_ms():
            return None
        tenants = tenants_of(token.tenants)
        scopes = frozenset(Scope(word) for word in token.scopes.split() if word in set(Scope))
        return Caller(f"token {token.number}", None, tenants, await self._tenancy.sites_of(tenants), scopes)

    def forget_tokens(self) -> None:
        """Ask the database again for every token: one was revoked, or somebody who has made some was changed."""
        self._tokens.clear()

    async def nobody(self) -> Caller:
        """Give who somebody without cookie and token is: nobody, unless the center is open."""
        if self._is_open and self._clock() - self._open_since_s > _FRESH_S:
            read_s = self._clock()
            self._is_open = not await self._records.has_people()
            self._open_since_s = read_s
        return OPEN if self._is_open else NOBODY

    def close_door(self) -> None:
        """Be open no longer: somebody was added."""
        self._is_open = False


def form_token(cookie: str) -> str:
    """Give what a form of this session carries; only who has the cookie, or a page of ours, knows it."""
    return base64.urlsafe_b64encode(hashlib.sha256(b"isolane form " + cookie.encode()).digest()[:24]).decode()
