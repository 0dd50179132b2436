"""This file takes cards and parts of snapshots into the table; it guards that what is newer stands, however it comes.

A card that says that a snapshot has ended stands over one that says it is being written; among equals the later. The
file whose parts come last is the one that is collected, until one is whole. An id belongs to the gateway that named it
first.
"""

import logging
import math
import re
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from isolane.center.store.health_tables import PART_CHARS_MAX
from isolane.center.store.paper_tables import PaperRow
from isolane.center.store.papers import file_away, to_file
from isolane.center.store.snapshot_room import Bounds, make_room, release, surplus
from isolane.center.store.snapshot_shelf import Place
from isolane.center.store.snapshot_tables import SnapshotKindRow, SnapshotRow
from isolane.center.store.snapshot_views import FileState
from isolane.center.store.tables import NAME_CHARS_MAX, kept_text
from isolane.security.event_lines import Kind
from isolane.wire.snapshot import CARD, CHUNK, OPEN, Card, Chunk, decode_card, decode_chunk

_LOG = logging.getLogger(__name__)
AT_ONCE: Final = 32
"""Papers; with parts of 64 KiB 2 MiB."""
_CARD_BYTES_MAX = 32 << 10
_TRIGGERS_MAX, _STANDOUTS_MAX = 8, 64
_LEVEL_MAX = 4
_SIZE_MAX = 1 << 40
_LATEST_MS = 4_102_444_800_000
"""The year 2100: beyond it is no time of an event."""
_SUM = re.compile(r"([0-9a-f]{64})?")
_TAKES_NONE = frozenset({FileState.WHOLE, FileState.DELETED})
_ENDED_ONCE = frozenset({FileState.WRONG, FileState.NO_ROOM, FileState.REMOVED})
"""Not collected anew, unless the file is another one."""


@dataclass(slots=True)
class Admitted:
    """What came of some papers.

    Attributes:
        papers: How many there were.
        unreadable: Bodies that are none.
        refused: Parts and cards that were not taken.
        chunks: Parts that must be written, by snapshot, each with its paper's number.
        removed: Snapshots whose files must go.
        suspicions: What no gateway of ours would send: what it is, whose, and why.
    """

    papers: int = 0
    unreadable: int = 0
    refused: int = 0
    chunks: dict[Place, list[tuple[int, Chunk]]] = field(default_factory=dict)
    removed: list[Place] = field(default_factory=list)
    suspicions: list[tuple[Kind, str, str]] = field(default_factory=list)


def place_of(row: SnapshotRow) -> Place:
    """Tell where a snapshot's file is."""
    return row.site, row.gateway, row.id


def admit(session: Session, bounds: Bounds) -> Admitted:
    """File the cards that wait, and say which parts are to be written; those stay unfiled until `note` is called."""
    out, done = Admitted(), []
    for paper in to_file(session, (CARD, CHUNK), AT_ONCE):
        out.papers += 1
        try:
            is_done = _card(session, paper, out) if paper.kind == CARD else _chunk(session, paper, bounds, out)
        except ValueError as error:
            out.unreadable += 1
            is_done = True
            out.suspicions.append((Kind.UNREADABLE, paper.gateway, f"{paper.kind}: {error}"))
        if is_done:
            done.append(paper)
        session.flush()
    file_away(session, done)
    return out


def note(session: Session, written: dict[Place, list[tuple[int, Chunk]]]) -> None:
    """Note that parts are on the disk, and file their papers."""
    papers: list[int] = []
    for (_, _, identity), chunks in written.items():
        row = session.scalars(select(SnapshotRow).filter_by(id=identity)).one_or_none()
        for number, chunk in chunks:
            papers.append(number)
            if row is not None and row.file == FileState.PARTS and row.sha256 == chunk.sha256:
                row.bitmap = _with_bit(row.bitmap, chunk.number)
    file_away(session, list(session.scalars(select(PaperRow).where(PaperRow.number.in_(papers)))))


def count_bits(bitmap: bytes) -> int:
    """Tell how many parts are here."""
    return int.from_bytes(bitmap).bit_count()


def sane(body: bytes) -> Card:
    """Read a card and check that what it says can be kept and shown.

    Raises:
        ValueError: It cannot.
    """
    if len(body) > _CARD_BYTES_MAX:
        raise ValueError("a card longer than any")
    card = decode_card(body)
    times = (card.begun_ms, card.from_ms, card.to_ms, *(each.t_ms for each in card.triggers))
    numbers = [number for each in card.standouts for number in (each.usual, each.last, each.off_sd)]
    levels = (card.level, *(each.level for each in card.triggers))
    if not (
        all(0 <= t_ms <= _LATEST_MS for t_ms in times)
        and all(0 <= level <= _LEVEL_MAX for level in levels)
        and all(map(math.isfinite, numbers))
        and 0 <= card.size <= _SIZE_MAX
        and 0 <= card.triggers_more <= _SIZE_MAX
        and _SUM.fullmatch(card.sha256)
        and len(card.charger) <= PART_CHARS_MAX
        and len(card.triggers) <= _TRIGGERS_MAX
        and len(card.standouts) <= _STANDOUTS_MAX
    ):
        raise ValueError("a card that says what cannot be")
    return card


def _card(session: Session, paper: PaperRow, out: Admitted) -> bool:
    card = sane(paper.body)
    row = _row(session, paper, card.id, out)
    if row is None:
        return True
    if row.file == FileState.DELETED:
        out.refused += 1
        return True
    newer = (card.state != OPEN, paper.at_ms) >= (row.state not in {"", OPEN}, row.told_ms)
    if not row.card or newer:
        row.card, row.told_ms = paper.body, paper.at_ms
        row.charger, row.level, row.state = kept_text(card.charger), card.level, card.state
        row.begun_ms, row.to_ms = card.begun_ms, card.to_ms
        if row.file == FileState.AWAITED:
            row.size = card.size
        session.execute(delete(SnapshotKindRow).where(SnapshotKindRow.id == row.id))
        kinds = {kept_text(each.kind)[:NAME_CHARS_MAX] for each in card.triggers}
        session.add_all(SnapshotKindRow(id=row.id, kind=kind) for kind in sorted(kinds))
    return True


def _chunk(session: Session, paper: PaperRow, bounds: Bounds, out: Admitted) -> bool:
    """Take a part; tell whether its paper is done with."""
    chunk = decode_chunk(paper.body)
    row = _row(session, paper, chunk.snapshot, out)
    if row is None or not _collects(session, row, chunk, bounds, out):
        out.refused += row is not None
        return True
    out.chunks.setdefault(place_of(row), []).append((paper.number, chunk))
    return False


def _collects(session: Session, row: SnapshotRow, chunk: Chunk, bounds: Bounds, out: Admitted) -> bool:
    """Tell whether a part is wanted; begins to collect its file if need be."""
    is_same = row.sha256 == chunk.sha256 and row.size == chunk.size
    if row.file in _TAKES_NONE or (is_same and row.file in _ENDED_ONCE):
        return False
    if is_same and row.file == FileState.PARTS:
        return True
    row.held, row.bitmap = 0, b""
    session.flush()
    going = make_room(session, row, chunk.size, bounds)
    row.size, row.sha256, row.parts = chunk.size, chunk.sha256, chunk.parts
    if going is None:
        row.file = FileState.NO_ROOM
        out.removed.append(place_of(row))
        out.chunks.pop(place_of(row), None)
        _LOG.warning("snapshot-refused gateway=%s id=%s bytes=%d reason=no-room", row.gateway, row.id, chunk.size)
        return False
    for one in going:
        out.removed.append(place_of(one))
        out.chunks.pop(place_of(one), None)
        _LOG.info("snapshot-removed gateway=%s id=%s level=%d", one.gateway, one.id, one.level)
    release(going)
    row.file, row.held = FileState.PARTS, chunk.size
    return True


def _row(session: Session, paper: PaperRow, identity: str, out: Admitted) -> SnapshotRow | None:
    """Give a snapshot's row, a new one if there is none; None if the id is another gateway's, or there is no room."""
    row = session.scalars(select(SnapshotRow).filter_by(id=identity)).one_or_none()
    if row is not None:
        if row.gateway == paper.gateway:
            return row
        out.refused += 1
        out.suspicions.append((Kind.IDENTITY, paper.gateway, f"snapshot {identity} is another gateway's"))
        return None
    if (last := surplus(session, paper.gateway)) is not None:
        out.removed.append(place_of(last))
        out.chunks.pop(place_of(last), None)
        session.execute(delete(SnapshotKindRow).where(SnapshotKindRow.id == last.id))
        session.delete(last)
    begun_ms = int(identity[:12], 16)
    row = SnapshotRow(
        id=identity,
        site=paper.site,
        gateway=paper.gateway,
        charger="",
        level=0,
        state="",
        begun_ms=begun_ms if begun_ms <= _LATEST_MS else paper.received_ms,
        to_ms=0,
        card=b"",
        told_ms=0,
        received_ms=paper.received_ms,
        file=FileState.AWAITED,
        size=0,
        sha256=b"",
        parts=0,
        bitmap=b"",
        held=0,
    )
    session.add(row)
    session.flush()
    return row


def _with_bit(bitmap: bytes, number: int) -> bytes:
    bits = bytearray(bitmap.ljust(number // 8 + 1, b"\0"))
    bits[number // 8] |= 1 << number % 8
    return bytes(bits)
