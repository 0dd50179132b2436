"""This file keeps alerts in the catalogue's database; it guards that what is told was decided, and decided once.

It writes on the catalogue's writer thread, so that there is one writer. Long texts are cut: a rule's template bounds
them, a device's own text cannot grow them without bound.
"""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from isolane.center.store import alert_queue as queue
from isolane.center.store.alert_port import ClosedAlertError, Decisions, Key, NoSuchAlertError, WayOut
from isolane.center.store.alert_queue import LONG_CHARS_MAX, kept, note, tell, tell_end
from isolane.center.store.alert_read import alert_of, counts, history, one, page
from isolane.center.store.alert_tables import (
    SUBJECT_CHARS_MAX,
    AlertDeliveryRow,
    AlertEventRow,
    AlertMemoryRow,
    AlertRow,
    SilenceRow,
)
from isolane.center.store.alert_views import (
    Alert,
    AlertCounts,
    AlertEvent,
    AlertHistory,
    AlertMessage,
    AlertPage,
    AlertQuery,
    AlertState,
    Silence,
    state_of,
)
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.tables import NAME_CHARS_MAX, TEXT_CHARS_MAX

Answer = TypeVar("Answer")


def open_key(rule: str, subject: str) -> str:
    """Give the text that is unique among alerts that are not closed."""
    return hashlib.sha256(f"{rule}\n{subject}".encode()).hexdigest()


class SqlAlerts:
    """See `Alerts`.

    Args:
        catalogue: Whose database and threads it uses; open for as long as this.
    """

    def __init__(self, catalogue: SqlCatalogue) -> None:
        self._catalogue = catalogue
        self._version = 1
        self._moved = asyncio.Condition()

    async def _write(self, change: Callable[[Session], Answer]) -> Answer:
        answer = await self._catalogue.write(change)
        await self._tell()
        return answer

    async def _tell(self) -> None:
        """Wake who waits for a change."""
        async with self._moved:
            self._version += 1
            self._moved.notify_all()

    # The engine's

    async def standing(self) -> list[Alert]:
        """See `Standing.standing`."""
        query = select(AlertRow).where(AlertRow.open_key.is_not(None) | AlertRow.held).order_by(AlertRow.number)
        return await self._catalogue.read(lambda session: [alert_of(row) for row in session.scalars(query)])

    async def decide(self, decisions: Decisions, ways: tuple[WayOut, ...], now_ms: int) -> None:
        """See `Standing.decide`."""
        if await self._catalogue.write(lambda session: _decide(session, decisions, ways, now_ms)):
            await self._tell()

    async def openings(self, since_ms: int) -> dict[Key, int]:
        """See `Standing.openings`."""
        query = (
            select(AlertRow.rule, AlertRow.subject, func.count())
            .where(AlertRow.opened_ms >= since_ms)
            .group_by(AlertRow.rule, AlertRow.subject)
        )
        return await self._catalogue.read(
            lambda session: {(rule, subject): count for rule, subject, count in session.execute(query)}
        )

    async def memories(self) -> dict[Key, dict[str, Any]]:
        """See `Standing.memories`."""
        return await self._catalogue.read(
            lambda session: {
                (row.rule, row.subject): dict(row.state) for row in session.scalars(select(AlertMemoryRow))
            }
        )

    # Reading

    async def page(self, query: AlertQuery) -> AlertPage:
        """See `Alerts.page`."""
        return await self._catalogue.read(lambda session: page(session, query))

    async def history(self, number: int) -> AlertHistory:
        """See `Alerts.history`."""
        return await self._catalogue.read(lambda session: history(session, number))

    async def counts(self, sites: frozenset[str] | None = None) -> AlertCounts:
        """See `Alerts.counts`."""
        return await self._catalogue.read(lambda session: counts(session, sites))

    # People's

    async def acknowledge(self, number: int, who: str, text: str, now_ms: int) -> Alert:
        """See `Alerts.acknowledge`."""

        def change(session: Session) -> Alert:
            row = _standing(session, number)
            if row.acknowledged_ms is None:
                row.acknowledged_ms, row.acknowledged_by = now_ms, who
                note(session, row, AlertEvent(now_ms, "acknowledged", who, text))
            return _settled(session, row)

        return await self._write(change)

    async def comment(self, number: int, who: str, text: str, now_ms: int) -> Alert:
        """See `Alerts.comment`."""

        def change(session: Session) -> Alert:
            row = one(session, number)
            note(session, row, AlertEvent(now_ms, "comment", who, text))
            return alert_of(row)

        return await self._write(change)

    async def assign(self, number: int, who: str, assignee: str, now_ms: int) -> Alert:
        """See `Alerts.assign`."""

        def change(session: Session) -> Alert:
            row = _standing(session, number)
            if (row.assignee or "") != assignee:
                row.assignee = kept(assignee, NAME_CHARS_MAX) or None
                note(session, row, AlertEvent(now_ms, "assigned", who, assignee))
            return _settled(session, row)

        return await self._write(change)

    async def close_by_hand(self, number: int, who: str, text: str, now_ms: int) -> Alert:
        """See `Alerts.close_by_hand`."""

        def change(session: Session) -> Alert:
            row = _standing(session, number)
            _close(session, row, now_ms, who, text, held=True)
            return alert_of(row)

        return await self._write(change)

    async def silence(self, silence: Silence) -> Silence:
        """See `Alerts.silence`."""

        def change(session: Session) -> Silence:
            row = SilenceRow(
                rule=kept(silence.rule, NAME_CHARS_MAX),
                site=kept(silence.site, NAME_CHARS_MAX),
                device=kept(silence.device, SUBJECT_CHARS_MAX),
                subject=kept(silence.subject, SUBJECT_CHARS_MAX),
                reason=kept(silence.reason, TEXT_CHARS_MAX),
                who=silence.who,
                from_ms=silence.from_ms,
                until_ms=silence.until_ms,
            )
            session.add(row)
            session.flush()
            _silence_again(session, (), silence.from_ms)
            return _silence(row)

        return await self._write(change)

    async def end_silence(self, number: int, who: str, now_ms: int) -> Silence:
        """See `Alerts.end_silence`. Whom it kept silent is told by the engine's next pass."""

        def change(session: Session) -> Silence:
            row = session.get(SilenceRow, number)
            if row is None:
                raise NoSuchAlertError(f"there is no silence {number}")
            if row.until_ms > now_ms:
                row.until_ms, row.reason = now_ms, f"{row.reason} (ended by {who})"[:TEXT_CHARS_MAX]
            return _silence(row)

        return await self._write(change)

    async def silences(self, now_ms: int) -> list[Silence]:
        """See `Alerts.silences`."""
        query = select(SilenceRow).where(SilenceRow.until_ms > now_ms).order_by(SilenceRow.number.desc())
        return await self._catalogue.read(lambda session: [_silence(row) for row in session.scalars(query)])

    # The ways out

    async def due(self, way: str, now_ms: int) -> AlertMessage | None:
        """See `Alerts.due`."""
        return await self._catalogue.read(lambda session: queue.due(session, way, now_ms))

    async def put_off(self, number: int, until_ms: int, why: str) -> None:
        """See `Alerts.put_off`."""
        await self._catalogue.write(lambda session: queue.put_off(session, number, until_ms, why))

    async def settle(self, number: int, outcome: str, *, delivered: bool, now_ms: int) -> None:
        """See `Alerts.settle`."""
        await self._write(lambda session: queue.settle(session, number, outcome, delivered=delivered, now_ms=now_ms))

    async def waiting(self) -> dict[str, int]:
        """See `Alerts.waiting`."""
        return await self._catalogue.read(queue.waiting)

    async def forget(self, before_ms: int, limit: int) -> int:
        """See `Standing.forget`."""
        return await self._catalogue.write(lambda session: _forget(session, before_ms, limit))

    async def changed(self, seen: int) -> int:
        """See `Alerts.changed`."""
        async with self._moved:
            await self._moved.wait_for(lambda: self._version > seen)
            return self._version


def _standing(session: Session, number: int) -> AlertRow:
    row = one(session, number)
    if row.closed_ms is not None:
        raise ClosedAlertError(f"alert {number} is closed")
    return row


def _settled(session: Session, row: AlertRow) -> Alert:
    """Set the state that follows from the facts; a silence stays."""
    row.state = state_of(
        closed=row.closed_ms is not None,
        silenced=row.state == AlertState.SILENCED,
        assigned=row.assignee is not None,
        acknowledged=row.acknowledged_ms is not None,
    )
    session.flush()
    return alert_of(row)


def _silence(row: SilenceRow) -> Silence:
    return Silence(
        row.number, row.rule, row.site, row.device, row.subject, row.reason, row.who, row.from_ms, row.until_ms
    )


def _decide(session: Session, decisions: Decisions, ways: tuple[WayOut, ...], now_ms: int) -> bool:
    """Do all of it; tells whether anything is to be seen of it."""
    for number, why in decisions.closings.items():
        row = session.get(AlertRow, number)
        if row is not None and row.closed_ms is None:
            _close(session, row, now_ms, "", why, held=False)
    _mark(session, decisions, now_ms)
    _open(session, decisions, now_ms)
    moved = _silence_again(session, ways, now_ms)
    for number in decisions.escalations:
        row = session.get(AlertRow, number)
        if row is not None and row.state == AlertState.OPEN and row.escalated_ms is None:
            row.escalated_ms = now_ms
            note(session, row, AlertEvent(now_ms, "escalated", "", "nobody has acknowledged it"))
            tell(session, row, "escalated", ways, now_ms)
    _remember(session, decisions)
    shown = (decisions.openings, decisions.closings, decisions.flapping, decisions.escalations, decisions.grouped)
    return moved or any(shown)


def _mark(session: Session, decisions: Decisions, now_ms: int) -> None:
    for number in decisions.flapping:
        row = session.get(AlertRow, number)
        if row is not None and not row.flapping:
            row.flapping = True
            note(
                session,
                row,
                AlertEvent(now_ms, "flapping", "", "it comes and goes, and stays open until it has been quiet"),
            )
    for number in decisions.released:
        row = session.get(AlertRow, number)
        if row is not None:
            row.held = False
    for number, subjects in decisions.grouped.items():
        row = session.get(AlertRow, number)
        if row is not None:
            row.grouped = list(subjects)


def _open(session: Session, decisions: Decisions, now_ms: int) -> None:
    """Open alerts that are not open; nobody is told yet."""
    keys = {open_key(opening.rule, opening.subject): opening for opening in decisions.openings}
    there = set(session.scalars(select(AlertRow.open_key).where(AlertRow.open_key.in_(list(keys)))))
    for key, opening in keys.items():
        if key in there:
            continue
        row = AlertRow(
            open_key=key,
            rule=opening.rule,
            subject=kept(opening.subject, SUBJECT_CHARS_MAX),
            site=opening.site,
            device=kept(opening.device, SUBJECT_CHARS_MAX),
            signal=kept(opening.signal, SUBJECT_CHARS_MAX),
            level=opening.level,
            state=str(AlertState.OPEN),
            opened_ms=now_ms,
            held=False,
            flapping=False,
            told=False,
            grouped=[],
            title=kept(opening.title, TEXT_CHARS_MAX),
            seen=kept(opening.seen, LONG_CHARS_MAX),
            why=kept(opening.why, LONG_CHARS_MAX),
            action=kept(opening.action, LONG_CHARS_MAX),
            part=kept(opening.part, LONG_CHARS_MAX),
        )
        session.add(row)
        session.flush()
        note(session, row, AlertEvent(now_ms, "opened", "", row.seen))


def _silence_again(session: Session, ways: Sequence[WayOut], now_ms: int) -> bool:
    """Let silences that hold take effect and others end; tell of what is open, heard and not told.

    Returns:
        Whether anything has changed.
    """
    moved = False
    rows = select(SilenceRow).where(SilenceRow.from_ms <= now_ms, SilenceRow.until_ms > now_ms)
    silences = [_silence(row) for row in session.scalars(rows)]
    wanted = (AlertRow.state == AlertState.SILENCED) | (AlertRow.told.is_(False))
    query = select(AlertRow).where(AlertRow.closed_ms.is_(None))
    for row in session.scalars(query if silences else query.where(wanted)).all():
        by = next((s for s in silences if s.takes(row.rule, row.site, row.device, row.subject)), None)
        was = row.state == AlertState.SILENCED
        moved = moved or (by is not None) != was
        if by is not None and not was:
            row.state = AlertState.SILENCED
            note(session, row, AlertEvent(now_ms, "silenced", by.who, by.reason))
        elif by is None and was:
            row.state = AlertState.OPEN
            _settled(session, row)
            note(session, row, AlertEvent(now_ms, "woken", "", "the silence has ended"))
        if by is None and not row.told and ways:
            row.told = moved = True
            tell(session, row, "opened", ways, now_ms)
    return moved


def _close(session: Session, row: AlertRow, now_ms: int, who: str, why: str, *, held: bool) -> None:
    row.closed_ms, row.closed_by, row.open_key, row.held = now_ms, who, None, held
    row.state = AlertState.CLOSED
    note(session, row, AlertEvent(now_ms, "closed", who, why))
    tell_end(session, row, now_ms)


def _remember(session: Session, decisions: Decisions) -> None:
    for (rule, subject), state in decisions.memories.items():
        if state is None:
            session.execute(
                delete(AlertMemoryRow).where(AlertMemoryRow.rule == rule, AlertMemoryRow.subject == subject)
            )
        else:
            session.merge(AlertMemoryRow(rule=rule, subject=subject, state=dict(state)))


def _forget(session: Session, before_ms: int, limit: int) -> int:
    old = select(AlertRow.number).where(AlertRow.closed_ms < before_ms, AlertRow.held.is_(False))
    numbers = list(session.scalars(old.order_by(AlertRow.number).limit(limit)))
    for table, column in (
        (AlertEventRow, AlertEventRow.alert),
        (AlertDeliveryRow, AlertDeliveryRow.alert),
        (AlertRow, AlertRow.number),
    ):
        session.execute(delete(table).where(column.in_(numbers)))
    session.execute(delete(SilenceRow).where(SilenceRow.until_ms < before_ms))
    return len(numbers)
