"""This file keeps people, sessions and tokens in the catalogue; it guards that a change and its audit line are one.

What is written goes through the catalogue's one writer. A name that is taken is told by False, so that nothing depends
on which error a database raises. What takes something from somebody is first written to the log that outlives backups.
"""

from dataclasses import dataclass

from sqlalchemy import Update, delete, select, update
from sqlalchemy.orm import Session

from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.people_tables import (
    AuditRow,
    MachineTokenRow,
    PersonRow,
    SessionRow,
    SiteTenantRow,
    TenantRow,
)
from isolane.center.store.people_views import AuditEntry, TenantEntry
from isolane.center.store.revocations import Fact, PersonIs, RevocationLog, SiteIs, TokenRevoked, fingerprint
from isolane.center.store.tables import NAME_CHARS_MAX, TEXT_CHARS_MAX

ENDED_SESSIONS_KEPT_MS = 90 * 24 * 3_600_000
"""A browser that was used within this time is known to its person."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may log in, with what checks his password; see `PersonRow`."""

    name: str
    role: str
    tenants: str
    password: str | None
    subject: str | None
    disabled: bool
    created_ms: int


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A log-in; `id` is the hash of its cookie."""

    id: bytes
    person: str
    device: bytes
    created_ms: int
    seen_ms: int
    address: str
    agent: str


@dataclass(frozen=True, slots=True)
class MachineToken:
    """A program's token; `id` is its hash."""

    number: int
    id: bytes
    name: str
    scopes: str
    tenants: str
    created_ms: int
    created_by: str
    expires_ms: int
    revoked_ms: int | None


@dataclass(frozen=True, slots=True)
class Note:
    """A line of the audit that is to be written."""

    at_ms: int
    who: str
    what: str
    subject: str
    address: str


class PeopleRecords:
    """People and machines in the catalogue's database.

    Args:
        catalogue: Open; its threads and its engine are used.
        revocations: Told of what is taken from somebody; None where nothing will be.
    """

    def __init__(self, catalogue: SqlCatalogue, revocations: RevocationLog | None = None) -> None:
        self._catalogue = catalogue
        self._revocations = revocations

    # People

    async def has_people(self) -> bool:
        """Tell whether anybody was ever added."""
        return await self._catalogue.read(lambda s: s.scalar(select(PersonRow.name).limit(1)) is not None)

    async def people(self) -> list[Person]:
        """Give everybody, by name."""
        query = select(PersonRow).order_by(PersonRow.name)
        return await self._catalogue.read(lambda s: [_person(row) for row in s.scalars(query)])

    async def person(self, name: str) -> Person | None:
        """Find somebody."""
        return await self._catalogue.read(lambda s: _person_or_none(s.get(PersonRow, name)))

    async def person_of(self, subject: str) -> Person | None:
        """Find whom an identity provider calls so."""
        query = select(PersonRow).where(PersonRow.subject == subject)
        return await self._catalogue.read(lambda s: _person_or_none(s.scalar(query)))

    async def add_person(self, person: Person, note: Note) -> bool:
        """Add somebody; False if the name is taken."""

        def change(session: Session) -> bool:
            if session.get(PersonRow, person.name) is not None:
                return False
            session.add(PersonRow(**{name: getattr(person, name) for name in Person.__slots__}))
            write_note(session, note)
            return True

        return await self._catalogue.write(change)

    async def change_person(self, name: str, note: Note, **fields: str | bool) -> list[bytes]:
        """Change somebody and end all his sessions; gives their ids."""

        def change(session: Session) -> list[bytes]:
            session.execute(update(PersonRow).where(PersonRow.name == name).values(**fields))
            self._remember(_fact(session.get_one(PersonRow, name, populate_existing=True)))
            write_note(session, note)
            return _end(session, name, note.at_ms)

        return await self._catalogue.write(change)

    # Sessions

    async def open_session(self, one: OpenSession, note: Note, replaces: bytes | None) -> None:
        """Keep a log-in and end the one whose cookie the browser had; forget what is long over."""

        def change(session: Session) -> None:
            if replaces is not None:
                session.execute(_ending(note.at_ms).where(SessionRow.id == replaces))
            session.execute(delete(SessionRow).where(SessionRow.ended_ms < note.at_ms - ENDED_SESSIONS_KEPT_MS))
            session.add(SessionRow(**{name: getattr(one, name) for name in OpenSession.__slots__}, ended_ms=None))
            write_note(session, note)

        await self._catalogue.write(change)

    async def session(self, id_: bytes) -> tuple[OpenSession, Person] | None:
        """Find a log-in that was not ended, and whose it is; its time-outs are the caller's to judge."""

        def find(session: Session) -> tuple[OpenSession, Person] | None:
            row = session.get(SessionRow, id_)
            if row is None or row.ended_ms is not None:
                return None
            return _session(row), _person(session.get_one(PersonRow, row.person))

        return await self._catalogue.read(find)

    async def sessions(self, person: str) -> list[OpenSession]:
        """Give somebody's log-ins that were not ended, newest first."""
        query = select(SessionRow).where(SessionRow.person == person, SessionRow.ended_ms.is_(None))
        newest = query.order_by(SessionRow.created_ms.desc())
        return await self._catalogue.read(lambda s: [_session(row) for row in s.scalars(newest)])

    async def touch(self, id_: bytes, seen_ms: int) -> None:
        """Note that a session is in use."""
        change = update(SessionRow).where(SessionRow.id == id_).values(seen_ms=seen_ms)

        def act(session: Session) -> None:
            session.execute(change)

        await self._catalogue.write(act)

    async def end_session(self, id_: bytes, note: Note) -> None:
        """End one."""

        def change(session: Session) -> None:
            session.execute(_ending(note.at_ms).where(SessionRow.id == id_))
            write_note(session, note)

        await self._catalogue.write(change)

    async def end_sessions(self, person: str, note: Note) -> list[bytes]:
        """End all of somebody's; gives their ids."""

        def change(session: Session) -> list[bytes]:
            write_note(session, note)
            return _end(session, person, note.at_ms)

        return await self._catalogue.write(change)

    async def knows_device(self, person: str, device: bytes) -> bool:
        """Tell whether somebody has logged in with this browser before."""
        query = select(SessionRow.id).where(SessionRow.person == person, SessionRow.device == device).limit(1)
        return await self._catalogue.read(lambda s: s.scalar(query) is not None)

    # Machines

    async def add_token(self, token: MachineToken, note: Note) -> int:
        """Keep a token; gives its number (the one in `token` does not count)."""

        def change(session: Session) -> int:
            fields = {name: getattr(token, name) for name in MachineToken.__slots__ if name != "number"}
            row = MachineTokenRow(**fields)
            session.add(row)
            session.flush()
            write_note(session, note)
            return row.number

        return await self._catalogue.write(change)

    async def token(self, id_: bytes) -> tuple[MachineToken, bool] | None:
        """Find a token by its hash, whatever its state, and whether who made it is disabled."""
        query = (
            select(MachineTokenRow, PersonRow.disabled)
            .outerjoin(PersonRow, PersonRow.name == MachineTokenRow.created_by)
            .where(MachineTokenRow.id == id_)
        )
        return await self._catalogue.read(
            lambda s: next(((_token(row), bool(disabled)) for row, disabled in s.execute(query)), None)
        )

    async def tokens(self) -> list[MachineToken]:
        """Give all, newest first."""
        query = select(MachineTokenRow).order_by(MachineTokenRow.number.desc())
        return await self._catalogue.read(lambda s: [_token(row) for row in s.scalars(query)])

    async def revoke_token(self, number: int, note: Note) -> None:
        """End a token for good."""

        def change(session: Session) -> None:
            row = session.get(MachineTokenRow, number)
            if row is not None and row.revoked_ms is None:
                self._remember(TokenRevoked(row.id.hex()))
                row.revoked_ms = note.at_ms
            write_note(session, note)

        await self._catalogue.write(change)

    # Tenants and the audit

    async def tenants(self) -> list[TenantEntry]:
        """Give all with their sites, by name."""

        def find(session: Session) -> list[TenantEntry]:
            entries = {name: TenantEntry(name, []) for name in session.scalars(select(TenantRow.name))}
            for row in session.scalars(select(SiteTenantRow).order_by(SiteTenantRow.site)):
                entries[row.tenant].sites.append(row.site)
            return [entries[name] for name in sorted(entries)]

        return await self._catalogue.read(find)

    async def add_tenant(self, name: str, note: Note) -> bool:
        """Add one; False if there is one of that name."""

        def change(session: Session) -> bool:
            if session.get(TenantRow, name) is not None:
                return False
            session.add(TenantRow(name=name, created_ms=note.at_ms))
            write_note(session, note)
            return True

        return await self._catalogue.write(change)

    async def assign(self, site: str, tenant: str, note: Note) -> bool:
        """Give a site to a tenant; False if there is no such tenant."""

        def change(session: Session) -> bool:
            if session.get(TenantRow, tenant) is None:
                return False
            self._remember(SiteIs(site, tenant))
            session.merge(SiteTenantRow(site=site, tenant=tenant))
            write_note(session, note)
            return True

        return await self._catalogue.write(change)

    def _remember(self, fact: Fact) -> None:
        if self._revocations is not None:
            self._revocations.append(fact)

    async def note(self, note: Note) -> None:
        """Write a line of the audit."""
        await self._catalogue.write(lambda session: write_note(session, note))

    async def audit(self, before: int | None, limit: int) -> list[AuditEntry]:
        """Give lines, newest first; those before a number, if one is given."""
        query = select(AuditRow).order_by(AuditRow.number.desc()).limit(limit)
        if before is not None:
            query = query.where(AuditRow.number < before)
        return await self._catalogue.read(
            lambda s: [AuditEntry(r.number, r.at_ms, r.who, r.what, r.subject, r.address) for r in s.scalars(query)]
        )


def _fact(row: PersonRow) -> PersonIs:
    return PersonIs(row.name, row.role, row.tenants, row.disabled, fingerprint(row.password))


def _person_or_none(row: PersonRow | None) -> Person | None:
    return None if row is None else _person(row)


def _person(row: PersonRow) -> Person:
    return Person(**{name: getattr(row, name) for name in Person.__slots__})


def _session(row: SessionRow) -> OpenSession:
    return OpenSession(**{name: getattr(row, name) for name in OpenSession.__slots__})


def _token(row: MachineTokenRow) -> MachineToken:
    return MachineToken(**{name: getattr(row, name) for name in MachineToken.__slots__})


def _ending(at_ms: int) -> Update:
    return update(SessionRow).where(SessionRow.ended_ms.is_(None)).values(ended_ms=at_ms)


def _end(session: Session, person: str, at_ms: int) -> list[bytes]:
    open_ones = select(SessionRow.id).where(SessionRow.person == person, SessionRow.ended_ms.is_(None))
    ids = list(session.scalars(open_ones))
    session.execute(_ending(at_ms).where(SessionRow.person == person))
    return ids


def write_note(session: Session, note: Note) -> None:
    """Add a line of the audit to a transaction."""
    session.add(
        AuditRow(
            at_ms=note.at_ms,
            who=note.who[:NAME_CHARS_MAX],
            what=note.what,
            subject=note.subject[:TEXT_CHARS_MAX],
            address=note.address[:NAME_CHARS_MAX],
        )
    )
