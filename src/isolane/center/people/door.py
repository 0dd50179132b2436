"""This file lets people in and out; it guards that every refusal looks the same and costs the same.

A name that nobody has, a wrong password, a disabled person and one without a password get one answer after one check.
Every log-in opens a new session under a new cookie and ends the one that the browser had before, so that a cookie
somebody else has put there is worth nothing.
"""

import secrets

from isolane.center.people.attempts import Attempts
from isolane.center.people.audit import Audit
from isolane.center.people.cookies import Cookies
from isolane.center.people.identify import Identify
from isolane.center.people.passwords import Passwords, check_password
from isolane.center.people.provider import Provider, Vouched
from isolane.center.people.sessions import Sessions, digest
from isolane.center.store.people_port import LoggedIn, Refusal, RefusedError
from isolane.center.store.people_records import PeopleRecords, Person
from isolane.center.store.people_views import caller, visit

_NAME_CHARS_MAX = 64
_DEVICE_CHARS_MAX = 64


class FrontDoor:
    """Coming and going; see `people_port.Door`.

    Args:
        records: Where people are kept.
        sessions: Opened and ended here.
        identify: Says who a session's owner is to the pages.
        passwords: Checks them.
        audit: Is told of everything.
        cookies: Their names and attributes.
        provider: Identity provider, None without one.
    """

    def __init__(
        self,
        *,
        records: PeopleRecords,
        sessions: Sessions,
        identify: Identify,
        passwords: Passwords,
        audit: Audit,
        cookies: Cookies,
        provider: Provider | None,
    ) -> None:
        self._records = records
        self._sessions = sessions
        self._identify = identify
        self._passwords = passwords
        self._audit = audit
        self._cookies = cookies
        self._provider = provider
        self._attempts = Attempts()

    @property
    def has_provider(self) -> bool:
        """See `Door.has_provider`."""
        return self._provider is not None

    async def log_in(self, name: str, password: str) -> LoggedIn:
        """See `Door.log_in`."""
        name = name.strip()
        if len(name) > _NAME_CHARS_MAX or not name.isprintable():
            name = ""  # nobody's; what no database takes is not asked for
        person = await self._records.person(name)
        if not await self._fits(name, person, password) or person is None:
            # A password typed into the wrong field must not stand in the audit.
            await self._audit.refused(name if person else "")
            raise RefusedError(Refusal.WRONG, "name and password do not belong together")
        return await self._open(person, "log-in")

    async def _fits(self, name: str, person: Person | None, password: str) -> bool:
        device = visit().device[:_DEVICE_CHARS_MAX]
        known = bool(device) and await self._records.knows_device(name, digest(device))
        with self._attempts.one(visit().address, name, device if known else "") as succeeded:
            stored = None if person is None or person.disabled else person.password
            fits = await self._passwords.fits(stored, password)
            if fits:
                succeeded()
        return fits

    async def _open(self, person: Person, what: str) -> LoggedIn:
        device = visit().device[:_DEVICE_CHARS_MAX] or secrets.token_urlsafe(32)
        note = self._audit.line(what, who=person.name)
        cookie = await self._sessions.open(person, visit(), device, note)
        who = await self._identify.person(person, cookie)
        return LoggedIn(who, [self._cookies.session(cookie), self._cookies.device(device)])

    async def log_out(self) -> list[str]:
        """See `Door.log_out`."""
        self._sessions.forget(await self._records.end_sessions(caller().name, self._audit.line("log-out")))
        return [self._cookies.no_session()]

    async def change_password(self, old: str, new: str) -> LoggedIn:
        """See `Door.change_password`."""
        name = caller().name
        person = await self._records.person(name)
        if not await self._fits(name, person, old) or person is None:
            await self._audit.refused(name)
            raise RefusedError(Refusal.WRONG, "the old password is not right")
        stored = await self._passwords.hash(check_password(name, new))
        note = self._audit.line("password-changed", name)
        self._sessions.forget(await self._records.change_person(name, note, password=stored))
        return await self._open(person, "log-in")

    async def to_provider(self) -> tuple[str, str]:
        """See `Door.to_provider`."""
        url, pending = await self._the_provider().begin()
        return url, self._cookies.pending(pending)

    async def from_provider(self, query: dict[str, str]) -> LoggedIn:
        """See `Door.from_provider`."""
        try:
            vouched = await self._the_provider().end(query, visit().pending)
        except RefusedError as error:
            await self._audit.refused(f"provider: {error.sentence}")
            raise
        person = await self._vouched(vouched)
        done = await self._open(person, "log-in-by-provider")
        return LoggedIn(done.caller, [*done.cookies, self._cookies.no_pending()])

    async def _vouched(self, vouched: Vouched) -> Person:
        """Find or make whom the provider vouches for; what he may follows the provider at each log-in."""
        person = await self._records.person_of(vouched.subject)
        if person is None:
            person = Person(
                name=vouched.name,
                role=vouched.role,
                tenants=vouched.tenants,
                password=None,
                subject=vouched.subject,
                disabled=False,
                created_ms=self._audit.line("").at_ms,
            )
            note = self._audit.line("user-added", f"{person.name} {person.role} {person.tenants}", who="provider")
            if not await self._records.add_person(person, note):
                raise RefusedError(Refusal.TAKEN, "somebody else has this name here; an administrator must rename one")
            return person
        if person.disabled:
            await self._audit.refused(person.name)
            raise RefusedError(Refusal.WRONG, "this person may not log in here")
        if (person.role, person.tenants) != (vouched.role, vouched.tenants):
            note = self._audit.line("user-changed", f"{person.name} {vouched.role} {vouched.tenants}", who="provider")
            change = self._records.change_person(person.name, note, role=vouched.role, tenants=vouched.tenants)
            self._sessions.forget(await change)
            person = await self._records.person(person.name) or person
        return person

    def _the_provider(self) -> Provider:
        if self._provider is None:
            raise RefusedError(Refusal.MISSING, "this center has no identity provider")
        return self._provider
