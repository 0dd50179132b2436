"""This file makes room for snapshots; it guards that what an open alarm names, or somebody holds, stays.

The oldest of the lowest level goes first, and never one of a higher level than what it is to make room for: a gateway
that sends much of little weight pushes out nothing that matters more.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from isolane.center.store.alert_tables import AlertRow
from isolane.center.store.snapshot_tables import SnapshotHoldRow, SnapshotRow
from isolane.center.store.snapshot_views import GATEWAY_PREFIX, NEAR_MS, FileState

CARDS_MAX: Final = 2000
"""Of a gateway; at five a day more than a year."""
_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many bytes files may take: of one gateway, and in all."""

    gateway_bytes: int
    bytes: int


def make_room(session: Session, row: SnapshotRow, size: int, bounds: Bounds) -> list[SnapshotRow] | None:
    """Find what must go so that a file has room.

    Args:
        session: In whose transaction they will be removed.
        row: Whose file it is; holds no room yet.
        size: Of the file, bytes.
        bounds: See there.

    Returns:
        What is to be removed; None if there is no room, and nothing is to be removed then.
    """
    own = SnapshotRow.gateway == row.gateway
    going: dict[int, SnapshotRow] = {}
    for where, most in (([own], bounds.gateway_bytes), ([], bounds.bytes)):
        held = session.scalar(select(func.coalesce(func.sum(SnapshotRow.held), 0)).where(*where)) or 0
        missing = int(held) + size - most - sum(one.held for one in going.values())
        if size > most:
            return None
        for one in _candidates(session, [*where, SnapshotRow.held > 0, SnapshotRow.level <= row.level]):
            if missing <= 0:
                break
            if one.number not in going and one.number != row.number and not is_named(session, one):
                going[one.number] = one
                missing -= one.held
        if missing > 0:
            return None
    return list(going.values())


def surplus(session: Session, gateway: str) -> SnapshotRow | None:
    """Give the card that must go before a gateway gets another one; None if none must, or may."""
    count = session.scalar(select(func.count()).where(SnapshotRow.gateway == gateway)) or 0
    if count < CARDS_MAX:
        return None
    candidates = _candidates(session, [SnapshotRow.gateway == gateway])
    return next((one for one in candidates if not is_named(session, one)), None)


def is_named(session: Session, row: SnapshotRow) -> bool:
    """Tell whether an alarm that is not closed was opened for the device about when the snapshot was made."""
    devices = [row.charger] if row.charger else [f"{GATEWAY_PREFIX}{row.gateway}", ""]
    query = select(AlertRow.number).where(
        AlertRow.closed_ms.is_(None),
        AlertRow.site == row.site,
        AlertRow.device.in_(devices),
        AlertRow.opened_ms.between(row.begun_ms - NEAR_MS, max(row.begun_ms, row.to_ms) + NEAR_MS),
    )
    return session.scalars(query.limit(1)).first() is not None


def release(rows: Iterable[SnapshotRow]) -> None:
    """Note that the files of snapshots are gone."""
    for row in rows:
        row.file, row.held, row.bitmap = FileState.REMOVED, 0, b""


def _candidates(session: Session, where: list[ColumnElement[bool]]) -> Iterator[SnapshotRow]:
    """Give snapshots that nobody holds, the oldest of the lowest level first."""
    order = (SnapshotRow.level, SnapshotRow.begun_ms, SnapshotRow.number)
    free = SnapshotRow.id.not_in(select(SnapshotHoldRow.id))
    query = select(SnapshotRow).where(*where, free).order_by(*order).limit(_AT_ONCE)
    at = 0
    while rows := list(session.scalars(query.offset(at))):
        yield from rows
        at += len(rows)
