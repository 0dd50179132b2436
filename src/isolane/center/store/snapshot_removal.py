"""This file holds and deletes snapshots for people; it guards that what is deleted stays deleted.

Of a deleted snapshot the table keeps id, site and gateway: without them its next part would begin it anew. An erasure
by pseudonym finds the snapshots whose messages name a transaction so; the audit gets the pseudonym's SHA-256 alone.
"""

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Final

import zstandard
from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from isolane.center.store.snapshot_filing import place_of
from isolane.center.store.snapshot_inspection import FILE_BYTES_MAX, inside
from isolane.center.store.snapshot_shelf import Place
from isolane.center.store.snapshot_tables import SnapshotHoldRow, SnapshotKindRow, SnapshotRow
from isolane.center.store.snapshot_views import FileState, SnapshotHold
from isolane.center.store.tables import kept_text

PSEUDONYM: Final = re.compile(r"[0-9a-f]{16}")
_AT_ONCE = 500
AddLine = Callable[[Session, str, str], None]


def hold(session: Session, identity: str, by: SnapshotHold, add_line: AddLine) -> None:
    """Note that somebody holds a snapshot; a later word takes the place of an earlier."""
    session.merge(SnapshotHoldRow(id=identity, who=by.who, why=kept_text(by.why), at_ms=by.at_ms))
    add_line(session, "snapshot-held", identity)


def let_go(session: Session, identity: str, add_line: AddLine) -> None:
    """Note that nobody holds a snapshot any more."""
    session.execute(delete(SnapshotHoldRow).where(SnapshotHoldRow.id == identity))
    add_line(session, "snapshot-let-go", identity)


def held(session: Session, identities: Collection[str]) -> set[str]:
    """Tell which of some snapshots somebody holds."""
    return set(session.scalars(select(SnapshotHoldRow.id).where(SnapshotHoldRow.id.in_(identities))))


def take_out(session: Session, identities: Iterable[str]) -> list[Place]:
    """Take all that is told of snapshots out of the table; gives where their files are."""
    places, wanted = [], list(identities)
    for at in range(0, len(wanted), _AT_ONCE):
        part = wanted[at : at + _AT_ONCE]
        session.execute(delete(SnapshotKindRow).where(SnapshotKindRow.id.in_(part)))
        standing = (SnapshotRow.id.in_(part), SnapshotRow.file != FileState.DELETED)
        for row in session.scalars(select(SnapshotRow).where(*standing)):
            places.append(place_of(row))
            row.charger, row.state, row.card, row.sha256, row.bitmap = "", "", b"", b"", b""
            row.level = row.to_ms = row.told_ms = row.size = row.parts = row.held = 0
            row.file = FileState.DELETED
    return places


def of_subject(session: Session, site: str | None, sites: frozenset[str] | None) -> dict[Place, str]:
    """Give the snapshots of a site, or of all that the caller may know of, with the state of their files."""
    where: list[ColumnElement[bool]] = [SnapshotRow.file != FileState.DELETED]
    if site is not None:
        where.append(SnapshotRow.site == site)
    if sites is not None:
        where.append(SnapshotRow.site.in_(sorted(sites)))
    return {place_of(row): row.file for row in session.scalars(select(SnapshotRow).where(*where))}


def names(path: Path, pseudonym: str) -> bool | None:
    """Tell whether a snapshot's file names a transaction; None if it is not whole, or cannot be read to its end."""
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
        return any(pseudonym.encode() in content for content in inside(data))
    except FileNotFoundError:
        return False
    except (ValueError, zstandard.ZstdError):
        return None


def subject_for_audit(subject: Mapping[str, str]) -> str:
    """Say for the audit what was erased: a site by its name, a pseudonym by its SHA-256."""
    words = dict(subject)
    if "pseudonym" in words:
        words["pseudonym"] = f"sha256:{hashlib.sha256(words['pseudonym'].encode()).hexdigest()}"
    return " ".join(f"{name}={word}" for name, word in sorted(words.items()))
