"""This file takes again what a restored backup would give back; it guards that each thing taken has its audit line.

All sessions end in any case: nobody is still who he was when the backup was made until he has logged in. So do
the codes with which gateways enrol: one that has served since would serve again.
"""

import time
from dataclasses import dataclass

from sqlalchemy import Engine, delete, select, update
from sqlalchemy.orm import Session

from isolane.center.store.enrolment_tables import EnrolmentCodeRow
from isolane.center.store.people_records import Note, write_note
from isolane.center.store.people_tables import MachineTokenRow, PersonRow, SessionRow, SiteTenantRow, TenantRow
from isolane.center.store.revocations import Fact, PersonIs, SnapshotErased, TokenRevoked, fingerprint, latest
from isolane.center.store.snapshot_removal import take_out


@dataclass(frozen=True, slots=True)
class Taken:
    """How much was taken again."""

    sessions: int = 0
    tokens: int = 0
    people: int = 0
    sites: int = 0


def reapply(engine: Engine, facts: list[Fact] | None, about: str, who: str) -> tuple[Taken, list[Fact]]:
    """Make a catalogue hold what is true today, in one transaction.

    Args:
        engine: The restored catalogue's, which nobody else uses yet.
        facts: Of the log; None where there is none: then every token is revoked and everybody disabled.
        about: For the audit: which backup it is.
        who: For the audit.

    Returns:
        How much was taken, and without a log the facts that a new one begins with.
    """
    now_ms = time.time_ns() // 1_000_000

    def note(what: str, subject: str) -> Note:
        return Note(now_ms, who, what, subject, "terminal")

    with Session(engine) as session, session.begin():
        write_note(session, note("restored", about))
        learnt = [] if facts is not None else _everything(session)
        tokens, people, sites = latest(learnt if facts is None else facts)
        open_ones = list(session.scalars(select(SessionRow).where(SessionRow.ended_ms.is_(None))))
        for one in open_ones:
            one.ended_ms = now_ms
        for gateway in _end_codes(session, now_ms):
            write_note(session, note("enrolment-code-ended", f"{gateway} again"))
        revoked = [row for row in session.scalars(select(MachineTokenRow)) if _is_back(row, tokens)]
        for row in revoked:
            row.revoked_ms = now_ms
            write_note(session, note("token-revoked", f"{row.number} again"))
        changed = [row for row in session.scalars(select(PersonRow)) if _make(row, people.get(row.name))]
        for person in changed:
            said = f"role={person.role} tenants={person.tenants} disabled={person.disabled}"
            lost = "" if person.password else " without password"
            write_note(session, note("user-changed", f"{person.name} {said}{lost} again"))
        moved = [site for site, tenant in sorted(sites.items()) if _give(session, site, tenant)]
        for site in moved:
            write_note(session, note("site-assigned", f"{site} {sites[site]} again"))
        erased = [fact.id for fact in facts or () if isinstance(fact, SnapshotErased)]
        if take_out(session, erased):
            write_note(session, note("snapshots-erased", "again"))
    return Taken(len(open_ones), len(revoked), len(changed), len(moved)), learnt


def _end_codes(session: Session, now_ms: int) -> list[str]:
    """End all codes that could be good; give the gateways that they were for."""
    rows = list(session.scalars(select(EnrolmentCodeRow).where(EnrolmentCodeRow.ended_ms.is_(None))))
    for row in rows:
        row.ended_ms = now_ms
    return [row.gateway for row in rows if row.expires_ms > now_ms]


def _everything(session: Session) -> list[Fact]:
    tokens = [TokenRevoked(id_.hex()) for id_ in session.scalars(select(MachineTokenRow.id))]
    people = [
        PersonIs(row.name, row.role, row.tenants, disabled=True, password=fingerprint(row.password))
        for row in session.scalars(select(PersonRow))
    ]
    return [*tokens, *people]


def _is_back(row: MachineTokenRow, tokens: set[str]) -> bool:
    return row.revoked_ms is None and row.id.hex() in tokens


def _make(row: PersonRow, now: PersonIs | None) -> bool:
    """Make somebody what he is today; a password that is not today's opens nothing. Tells whether he was another."""
    if now is None:
        return False
    password = row.password if fingerprint(row.password) == now.password else None
    was = (row.role, row.tenants, row.disabled, row.password)
    row.role, row.tenants, row.disabled, row.password = now.role, now.tenants, now.disabled, password
    return was != (row.role, row.tenants, row.disabled, row.password)


def _give(session: Session, site: str, tenant: str) -> bool:
    """Give a site to whom it belongs today; if that tenant came after the backup, to nobody."""
    row = session.get(SiteTenantRow, site)
    was = row.tenant if row is not None else None
    now = tenant if session.get(TenantRow, tenant) is not None else None
    if was == now:
        return False
    if now is None:
        session.execute(delete(SiteTenantRow).where(SiteTenantRow.site == site))
    elif row is None:
        session.add(SiteTenantRow(site=site, tenant=now))
    else:
        session.execute(update(SiteTenantRow).where(SiteTenantRow.site == site).values(tenant=now))
    return True
