"""This file keeps people, machines and tenants; it guards that nobody gives more than he has.

An administrator of some tenants knows of those people and tokens only whose tenants are all his. Nobody changes
himself here, so that no slip locks out the last administrator. Every change ends the sessions of who was changed.
"""

import secrets

from isolane.center.people.audit import Audit
from isolane.center.people.identify import TOKEN_PREFIX, Identify
from isolane.center.people.passwords import Passwords, check_password
from isolane.center.people.sessions import Sessions, digest
from isolane.center.people.tenancy import Tenancy, tenants_of
from isolane.center.store.people_port import NewPerson, PersonChange, Refusal, RefusedError
from isolane.center.store.people_records import MachineToken, OpenSession, PeopleRecords, Person
from isolane.center.store.people_views import (
    EVERYWHERE,
    AuditEntry,
    PersonEntry,
    Role,
    Scope,
    SessionEntry,
    TenantEntry,
    TokenEntry,
    caller,
)
from isolane.core.failures import IsolaneError
from isolane.core.ids import check_name

_ID_CHARS = 16
TOKEN_DAYS_MAX = 730
_DAY_MS = 86_400_000
_TENANTS_CHARS_MAX = 512


class FrontDesk:
    """See `people_port.Desk`.

    Args:
        records: Where everything is kept.
        sessions: Ended with a change.
        identify: Told of who comes and of revoked tokens.
        tenancy: Told of sites that change hands.
        passwords: Hashes them.
        audit: Words the lines that are written with each change.
    """

    def __init__(
        self,
        *,
        records: PeopleRecords,
        sessions: Sessions,
        identify: Identify,
        tenancy: Tenancy,
        passwords: Passwords,
        audit: Audit,
    ) -> None:
        self._records = records
        self._sessions = sessions
        self._identify = identify
        self._tenancy = tenancy
        self._passwords = passwords
        self._audit = audit

    # People

    async def people(self) -> list[PersonEntry]:
        """See `Desk.people`."""
        return [_entry(person) for person in await self._records.people() if _is_mine(person.tenants)]

    async def add_person(self, new: NewPerson) -> PersonEntry:
        """See `Desk.add_person`."""
        tenants = await self._given(new.tenants)
        name = _name("user", new.name)
        stored = None
        if new.password is not None:
            stored = await self._passwords.hash(check_password(name, new.password))
        note = self._audit.line("user-added", f"{name} {new.role} {tenants}")
        person = Person(
            name=name,
            role=new.role,
            tenants=tenants,
            password=stored,
            subject=None,
            disabled=False,
            created_ms=note.at_ms,
        )
        if not await self._records.add_person(person, note):
            raise RefusedError(Refusal.TAKEN, f"there is a user {name} already")
        self._identify.close_door()
        return _entry(person)

    async def change_person(self, name: str, change: PersonChange) -> PersonEntry:
        """See `Desk.change_person`."""
        person = await self._changeable(name)
        if name == caller().name:
            raise RefusedError(Refusal.FORBIDDEN, "somebody else must change you; your password you change yourself")
        fields: dict[str, str | bool] = {}
        said = []
        if change.role is not None:
            fields["role"] = change.role
        if change.tenants is not None:
            fields["tenants"] = await self._given(change.tenants)
        if change.disabled is not None:
            fields["disabled"] = change.disabled
        said = [f"{key}={value}" for key, value in fields.items()]
        if change.password is not None:
            fields["password"] = await self._passwords.hash(check_password(name, change.password))
            said.append("password")
        if fields:
            note = self._audit.line("user-changed", f"{person.name} {' '.join(said)}")
            self._sessions.forget(await self._records.change_person(name, note, **fields))
            self._identify.forget_tokens()
        return _entry(await self._changeable(name))

    # Sessions

    async def sessions(self, person: str | None = None) -> list[SessionEntry]:
        """See `Desk.sessions`."""
        if person is not None and person != caller().name:
            await self._changeable(person)
        return [
            SessionEntry(one.id.hex()[:_ID_CHARS], one.person, one.created_ms, one.seen_ms, one.address, one.agent)
            for one in await self._open_ones(person or caller().name)
        ]

    async def end_session(self, id_: str) -> None:
        """See `Desk.end_session`."""
        names = [caller().name]
        if caller().role is Role.ADMIN:
            names += [person.name for person in await self._records.people() if _is_mine(person.tenants)]
        for name in dict.fromkeys(names):
            for one in await self._open_ones(name):
                if secrets.compare_digest(one.id.hex()[:_ID_CHARS].encode(), id_.encode()):
                    await self._records.end_session(one.id, self._audit.line("session-ended", f"{name} {id_}"))
                    self._sessions.forget([one.id])
                    return
        raise RefusedError(Refusal.MISSING, "there is no such session")

    async def _open_ones(self, person: str) -> list[OpenSession]:
        return [one for one in await self._records.sessions(person) if not self._sessions.is_over(one)]

    # Machines

    async def tokens(self) -> list[TokenEntry]:
        """See `Desk.tokens`."""
        disabled = {person.name for person in await self._records.people() if person.disabled}
        return [
            self._token(token, is_stopped=token.created_by in disabled)
            for token in await self._records.tokens()
            if _is_mine(token.tenants)
        ]

    async def add_token(self, name: str, scopes: list[Scope], tenants: list[str], days: int) -> tuple[TokenEntry, str]:
        """See `Desk.add_token`."""
        if not 1 <= days <= TOKEN_DAYS_MAX:
            raise RefusedError(Refusal.INVALID, f"a token lives 1 to {TOKEN_DAYS_MAX} days")
        if not scopes:
            raise RefusedError(Refusal.INVALID, f"a token needs a scope: {', '.join(Scope)}")
        secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
        given = await self._given(tenants)
        words = " ".join(sorted(set(scopes)))
        note = self._audit.line("token-made", f"{_name('token', name)} {words} {given}")
        token = MachineToken(
            number=0,
            id=digest(secret),
            name=name,
            scopes=words,
            tenants=given,
            created_ms=note.at_ms,
            created_by=caller().name,
            expires_ms=note.at_ms + days * _DAY_MS,
            revoked_ms=None,
        )
        number = await self._records.add_token(token, note)
        kept = next(one for one in await self._records.tokens() if one.number == number)
        return self._token(kept, is_stopped=False), secret

    async def revoke_token(self, number: int) -> None:
        """See `Desk.revoke_token`."""
        if not any(token.number == number for token in await self.tokens()):
            raise RefusedError(Refusal.MISSING, "there is no such token")
        await self._records.revoke_token(number, self._audit.line("token-revoked", str(number)))
        self._identify.forget_tokens()

    def _token(self, token: MachineToken, *, is_stopped: bool) -> TokenEntry:
        state = "valid"
        if token.revoked_ms is not None:
            state = "revoked"
        elif token.expires_ms <= self._audit.line("").at_ms:
            state = "expired"
        elif is_stopped:
            state = "stopped"
        return TokenEntry(
            token.number,
            token.name,
            token.scopes.split(),
            token.tenants.split(),
            token.created_ms,
            token.created_by,
            token.expires_ms,
            state,
        )

    # Tenants and the audit

    async def tenants(self) -> list[TenantEntry]:
        """See `Desk.tenants`."""
        return await self._records.tenants()

    async def add_tenant(self, name: str) -> TenantEntry:
        """See `Desk.add_tenant`."""
        if not await self._records.add_tenant(_name("tenant", name), self._audit.line("tenant-added", name)):
            raise RefusedError(Refusal.TAKEN, f"there is a tenant {name} already")
        return TenantEntry(name, [])

    async def assign(self, site: str, tenant: str) -> None:
        """See `Desk.assign`."""
        note = self._audit.line("site-assigned", f"{_name('site', site)} {tenant}")
        if not is_name(tenant) or not await self._records.assign(site, tenant, note):
            raise RefusedError(Refusal.MISSING, "there is no such tenant")
        await self._tenancy.read()

    async def audit(self, before: int | None, limit: int) -> list[AuditEntry]:
        """See `Desk.audit`."""
        return await self._records.audit(before, limit)

    async def _changeable(self, name: str) -> Person:
        # What cannot be a name is not asked for: databases differ in what texts they take.
        person = await self._records.person(name) if is_name(name) else None
        if person is None or caller().role is not Role.ADMIN or not _is_mine(person.tenants):
            raise RefusedError(Refusal.MISSING, "there is no such user")
        return person

    async def _given(self, tenants: list[str]) -> str:
        """Give tenants as they are kept, if the caller may give them and they exist."""
        words = " ".join(sorted(set(tenants)))
        if not words or len(words) > _TENANTS_CHARS_MAX:
            raise RefusedError(Refusal.INVALID, f"name at least one tenant, {EVERYWHERE} for all")
        if not _is_mine(words):
            raise RefusedError(Refusal.FORBIDDEN, "nobody gives tenants that he does not have")
        known = {entry.name for entry in await self._records.tenants()} | {EVERYWHERE}
        if not set(tenants) <= known:
            raise RefusedError(Refusal.INVALID, f"there is no tenant {', '.join(sorted(set(tenants) - known))}")
        return EVERYWHERE if EVERYWHERE in tenants else words


def _is_mine(words: str) -> bool:
    """Tell whether the caller has all of these tenants."""
    mine, theirs = caller().tenants, tenants_of(words)
    return mine is None or (theirs is not None and theirs <= mine)


def is_name(name: str) -> bool:
    """Tell whether something may be called so."""
    try:
        check_name("user", name)
    except IsolaneError:
        return False
    return True


def _name(kind: str, name: str) -> str:
    if not is_name(name):
        sentence = f"a {kind}'s name has 1 to 64 of a-z 0-9 . _ - and begins and ends with a letter or digit"
        raise RefusedError(Refusal.INVALID, sentence)
    return name


def _entry(person: Person) -> PersonEntry:
    return PersonEntry(
        person.name,
        person.role,
        person.tenants.split(),
        person.password is not None,
        person.subject is not None,
        person.disabled,
        person.created_ms,
    )
