"""This file collects snapshots and reads them; it guards that a part is on the disk before its paper is filed.

Steps, each of which is repeated when the center dies behind it: cards are filed and parts admitted, in one transaction;
files that must make room are removed; parts are written and flushed; a transaction notes them and files their papers.
When all parts of a file are here its sum is compared, it gets its last name, and a transaction notes that.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.port import UnavailableError
from isolane.center.store.snapshot_filing import AT_ONCE, admit, count_bits, note, place_of
from isolane.center.store.snapshot_room import Bounds
from isolane.center.store.snapshot_settings import SnapshotSettings
from isolane.center.store.snapshot_shelf import Place, SnapshotShelf
from isolane.center.store.snapshot_tables import SnapshotRow
from isolane.center.store.snapshot_views import (
    GATEWAY_PREFIX,
    FileState,
    Snapshot,
    SnapshotCard,
    SnapshotPage,
    SnapshotQuery,
)
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
    """

    def __init__(self, catalogue: SqlCatalogue, folder: Path, settings: SnapshotSettings) -> None:
        self._catalogue = catalogue
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
        found = await self._catalogue.write(lambda session: admit(session, self._bounds))
        self.unreadable += found.unreadable
        self.refused += found.refused
        await asyncio.to_thread(self._shelf.remove, found.removed)
        if found.chunks:
            await asyncio.to_thread(self._write, found.chunks)
            await self._catalogue.write(lambda session: note(session, found.chunks))
            await self._close(await self._catalogue.read(_complete))
        self.filed += found.papers
        return found.papers

    async def page(self, query: SnapshotQuery) -> SnapshotPage:
        """Give snapshots that match, the last known first."""
        chosen = select(SnapshotRow).where(SnapshotRow.level >= query.level_min)
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
        chosen = chosen.order_by(SnapshotRow.number.desc()).limit(query.limit + 1)
        rows = await self._catalogue.read(lambda session: list(session.scalars(chosen)))
        shown = [_shown(row) for row in rows[: query.limit]]
        return SnapshotPage(shown, shown[-1].number if len(rows) > query.limit else None)

    async def one(self, identity: str) -> Snapshot | None:
        """Give one; None if it is not known, also when the text is no id."""
        if not is_snapshot(identity):
            return None
        query = select(SnapshotRow).filter_by(id=identity)
        row = await self._catalogue.read(lambda session: session.scalars(query).one_or_none())
        return None if row is None else _shown(row)

    def path_of(self, snapshot: Snapshot) -> Path | None:
        """Give the whole file of one; None while it is not here."""
        if snapshot.file != FileState.WHOLE:
            return None
        return self._shelf.path((snapshot.site, snapshot.gateway, snapshot.id), FileState.WHOLE)

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


def _shown(row: SnapshotRow) -> Snapshot:
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
    )
