"""This file collects snapshots and reads them; it guards that a part is on the disk before its paper is filed.

Steps, each of which is repeated when the center dies behind it: cards are filed and parts admitted, in one transaction;
files that must make room are removed; parts are written and flushed; a transaction notes them and files their papers.
When all parts of a file are here its sum is compared, it gets its last name, and a transaction notes that. What people
have deleted is out of the table before its file goes; filing and deleting never run at once.
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from isolane.center.store.audit_lines import line_about
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.port import UnavailableError
from isolane.center.store.revocations import RevocationLog, SnapshotErased
from isolane.center.store.snapshot_filing import AT_ONCE, admit, count_bits, note, place_of
from isolane.center.store.snapshot_port import HeldError
from isolane.center.store.snapshot_removal import held, hold, let_go, names, of_subject, subject_for_audit, take_out
from isolane.center.store.snapshot_room import Bounds
from isolane.center.store.snapshot_settings import SnapshotSettings
from isolane.center.store.snapshot_shelf import Place, SnapshotShelf
from isolane.center.store.snapshot_tables import SnapshotHoldRow, SnapshotKindRow, SnapshotRow
from isolane.center.store.snapshot_views import (
    GATEWAY_PREFIX,
    Erased,
    FileState,
    Snapshot,
    SnapshotCard,
    SnapshotHold,
    SnapshotPage,
    SnapshotQuery,
)
from isolane.security.event_lines import EventLines
from isolane.wire.snapshot import Card, Chunk, is_snapshot

_LOG = logging.getLogger(__name__)
FOLDER: Final = "snapshots"
PAUSE_S: Final = 1.0
_MIB = 1 << 20


class SnapshotBook:
    """Cards of snapshots, and their files.

    Args:
        catalogue: Whose database holds the cards.
        folder: Of the files.
        settings: Bounds.
        erasures: Told of what people delete; None where no backup is restored.
        events: Told of what no gateway of ours would send.
    """

    def __init__(
        self,
        catalogue: SqlCatalogue,
        folder: Path,
        settings: SnapshotSettings,
        erasures: RevocationLog | None = None,
        events: EventLines | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._erasures = erasures
        self._events = events or EventLines()
        self._turn = asyncio.Lock()
        self._shelf = SnapshotShelf(folder)
        self._bounds = Bounds(settings.gateway_mb_max * _MIB, settings.mb_max * _MIB)
        self.filed = 0
        self.unreadable = 0
        self.refused = 0

    async def run(self) -> None:
        """Look at what is there, then file for ever; cancelled to stop."""
        is_swept = False
        while True:
            try:
                if not is_swept:
                    await self.sweep()
                    is_swept = True
                count = await self.file()
            except (UnavailableError, OSError) as error:
                _LOG.warning("snapshots-not-filed error=%s", error)
                count = 0
            if count < AT_ONCE:
                await asyncio.sleep(PAUSE_S)

    async def sweep(self) -> None:
        """Bring folder and table together after a start.

        Raises:
            OSError: The folder cannot be read, or the database is away.
        """
        await self._close(await self._catalogue.read(_complete))
        held = await self._catalogue.read(_held)
        lost = await asyncio.to_thread(self._shelf.sweep, held)
        if lost:
            _LOG.warning("snapshots-lost count=%d", len(lost))
            await self._catalogue.write(lambda session: _lose(session, lost))

    async def file(self) -> int:
        """File what waits, a few dozen papers at most; give how many.

        Raises:
            UnavailableError: The database is away.
            OSError: The disk is full or away. What was not filed comes again.
        """
        async with self._turn:
            found = await self._catalogue.write(lambda session: admit(session, self._bounds))
            self.unreadable += found.unreadable
            self.refused += found.refused
            for kind, gateway, why in found.suspicions:
                self._events.report(kind, gateway=gateway, detail=why)
            await asyncio.to_thread(self._shelf.remove, found.removed)
            if found.chunks:
                await asyncio.to_thread(self._write, found.chunks)
                await self._catalogue.write(lambda session: note(session, found.chunks))
                await self._close(await self._catalogue.read(_complete))
            self.filed += found.papers
            return found.papers

    async def page(self, query: SnapshotQuery) -> SnapshotPage:
        """Give snapshots that match, the last known first."""
        chosen = _standing().where(SnapshotRow.level >= query.level_min)
        if query.sites is not None:
            chosen = chosen.where(SnapshotRow.site.in_(sorted(query.sites)))
        if query.site is not None:
            chosen = chosen.where(SnapshotRow.site == query.site)
        if query.device is not None:
            gateway = query.device.removeprefix(GATEWAY_PREFIX)
            own = (SnapshotRow.charger == "", SnapshotRow.gateway == gateway)
            is_gateway = query.device.startswith(GATEWAY_PREFIX)
            chosen = chosen.where(*own) if is_gateway else chosen.where(SnapshotRow.charger == query.device)
        if query.from_ms is not None:
            chosen = chosen.where(SnapshotRow.begun_ms >= query.from_ms)
        if query.to_ms is not None:
            chosen = chosen.where(SnapshotRow.begun_ms < query.to_ms)
        if query.before is not None:
            chosen = chosen.where(SnapshotRow.number < query.before)
        if query.kind is not None:
            chosen = chosen.where(SnapshotRow.id.in_(select(SnapshotKindRow.id).filter_by(kind=query.kind)))
        for column, wanted in ((SnapshotRow.state, query.state), (SnapshotRow.file, query.file)):
            chosen = chosen if wanted is None else chosen.where(column == wanted)
        chosen = chosen.order_by(SnapshotRow.number.desc()).limit(query.limit + 1)
        rows = await self._catalogue.read(lambda session: [(row[0], row[1]) for row in session.execute(chosen)])
        shown = [_shown(row, held_by) for row, held_by in rows[: query.limit]]
        return SnapshotPage(shown, shown[-1].number if len(rows) > query.limit else None)

    async def one(self, identity: str) -> Snapshot | None:
        """Give one; None if it is not known, also when the text is no id."""
        if not is_snapshot(identity):
            return None
        query = _standing().where(SnapshotRow.id == identity)
        row = await self._catalogue.read(lambda session: session.execute(query).one_or_none())
        return None if row is None else _shown(row[0], row[1])

    def path_of(self, snapshot: Snapshot) -> Path | None:
        """Give the whole file of one; None while it is not here."""
        if snapshot.file != FileState.WHOLE:
            return None
        return self._shelf.path((snapshot.site, snapshot.gateway, snapshot.id), FileState.WHOLE)

    async def hold(self, identity: str, who: str, why: str) -> Snapshot | None:
        """See `Snapshots.hold`."""
        if await self.one(identity) is None:
            return None
        now_ms = time.time_ns() // 1_000_000
        add_line = line_about(who, now_ms)
        async with self._turn:
            await self._catalogue.write(
                lambda session: hold(session, identity, SnapshotHold(who, why, now_ms), add_line)
            )
        return await self.one(identity)

    async def let_go(self, identity: str, who: str) -> Snapshot | None:
        """See `Snapshots.let_go`."""
        found = await self.one(identity)
        if found is None or found.hold is None:
            return found
        add_line = line_about(who, time.time_ns() // 1_000_000)
        await self._catalogue.write(lambda session: let_go(session, identity, add_line))
        return await self.one(identity)

    async def delete(self, identity: str, who: str) -> bool:
        """See `Snapshots.delete`."""
        found = await self.one(identity)
        if found is None:
            return False
        if await self._take_out({identity}, who, "snapshot-deleted", identity):
            raise HeldError(f"somebody holds the snapshot {identity}")
        return True

    async def erase(self, subject: Mapping[str, str], sites: frozenset[str] | None, who: str) -> Erased:
        """See `Snapshots.erase`."""
        files = await self._catalogue.read(lambda session: of_subject(session, subject.get("site"), sites))
        wanted, unread = {place[2] for place in files}, 0
        if (pseudonym := subject.get("pseudonym")) is not None:
            told = await asyncio.to_thread(self._naming, files, pseudonym)
            wanted = {identity for identity, is_named in told.items() if is_named}
            unread = sum(is_named is None for is_named in told.values())
        staying = await self._take_out(wanted, who, "snapshots-erased", subject_for_audit(subject))
        return Erased(len(wanted) - len(staying), len(staying), unread)

    def _naming(self, files: Mapping[Place, str], pseudonym: str) -> dict[str, bool | None]:
        """Tell by id which files name a transaction; None of those that are not all here, or cannot be read."""
        found: dict[str, bool | None] = {}
        for place, state in files.items():
            if state in {FileState.PARTS, FileState.WRONG}:
                found[place[2]] = names(self._shelf.path(place, state), pseudonym) or None
            elif state == FileState.WHOLE:
                found[place[2]] = names(self._shelf.path(place, state), pseudonym)
        return found

    async def _take_out(self, identities: set[str], who: str, what: str, subject: str) -> set[str]:
        """Delete snapshots that nobody holds, with a line in the audit; gives those that somebody holds."""
        add_line = line_about(who, time.time_ns() // 1_000_000)
        async with self._turn:
            staying = await self._catalogue.read(lambda session: held(session, identities))
            going = sorted(identities - staying)
            if identities and not going:
                return staying
            if self._erasures is not None:
                await asyncio.to_thread(self._erasures.append, *map(SnapshotErased, going))

            def change(session: Session) -> list[Place]:
                add_line(session, what, subject)
                return take_out(session, going)

            await asyncio.to_thread(self._shelf.remove, await self._catalogue.write(change))
        return staying

    def _write(self, chunks: Mapping[Place, Sequence[tuple[int, Chunk]]]) -> None:
        for place, own in chunks.items():
            self._shelf.write(place, [chunk for _, chunk in own])

    async def _close(self, whole: dict[Place, bytes]) -> None:
        """Compare the sums of files of which all parts are here, and note what they are then."""
        for place, sha256 in whole.items():
            state = await asyncio.to_thread(self._shelf.close, place, sha256)
            await self._catalogue.write(partial(_end, place=place, state=state))
            level = logging.INFO if state == FileState.WHOLE else logging.WARNING
            _LOG.log(level, "snapshot-here gateway=%s id=%s file=%s", place[1], place[2], state)


def _complete(session: Session) -> dict[Place, bytes]:
    """Give the sums of files of which all parts are here, and that have not got their last name."""
    rows = session.scalars(select(SnapshotRow).filter_by(file=FileState.PARTS))
    return {place_of(row): row.sha256 for row in rows if count_bits(row.bitmap) == row.parts}


def _held(session: Session) -> dict[Place, str]:
    """Give the state of every file that is to be there; of one whose parts are yet to be written none is."""
    states = (FileState.PARTS, FileState.WHOLE, FileState.WRONG)
    rows = session.scalars(select(SnapshotRow).where(SnapshotRow.file.in_(states)))
    return {place_of(row): row.file for row in rows if row.file != FileState.PARTS or any(row.bitmap)}


def _lose(session: Session, lost: set[Place]) -> None:
    for row in session.scalars(select(SnapshotRow).where(SnapshotRow.id.in_([place[2] for place in lost]))):
        row.file, row.held, row.bitmap = FileState.LOST, 0, b""


def _end(session: Session, place: Place, state: str) -> None:
    row = session.scalars(select(SnapshotRow).filter_by(id=place[2], file=FileState.PARTS)).one_or_none()
    if row is not None:
        row.file = state
        if state == FileState.LOST:
            row.held, row.bitmap = 0, b""


def _standing() -> Select[SnapshotRow, SnapshotHoldRow]:
    """Ask for snapshots that nobody has deleted, each with who holds it."""
    query = select(SnapshotRow, SnapshotHoldRow).outerjoin(SnapshotHoldRow, SnapshotHoldRow.id == SnapshotRow.id)
    return query.where(SnapshotRow.file != FileState.DELETED)


def _shown(row: SnapshotRow, held_by: SnapshotHoldRow | None) -> Snapshot:
    card = msgspec.json.decode(row.card, type=Card) if row.card else None
    is_whole = row.file in {FileState.WHOLE, FileState.WRONG}
    return Snapshot(
        row.number,
        row.id,
        row.site,
        row.gateway,
        row.charger,
        row.level,
        row.state,
        row.begun_ms,
        row.received_ms,
        row.file,
        row.size,
        row.parts,
        row.parts if is_whole else count_bits(row.bitmap),
        None if card is None else msgspec.convert(card, SnapshotCard, from_attributes=True),
        None if held_by is None else SnapshotHold(held_by.who, held_by.why, held_by.at_ms),
    )
