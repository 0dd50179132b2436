"""This file takes what is whole out of a damaged outbox; it guards that nothing is taken on trust.

A block is taken if its bytes fit their checksum and name the gateway and number they are kept under, and its schema
fits its id. The books of an epoch are taken if they balance and hold at least what was found of it; what they say was
queued and is not found is dropped as "corrupt", with a gap record: exact where the block's row can be read, otherwise
over all numbers it may have been. Of an epoch without such books only the blocks are kept: it is the center that knows
which of its numbers are missing.
"""

import hashlib
import logging
import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from isolane.health.outbox.books import Books
from isolane.health.outbox.lanes import Lane
from isolane.health.outbox.records import Key
from isolane.health.outbox.shelf import Entry, Shelf
from isolane.wire.anchor import is_anchor, read_schema_id
from isolane.wire.block import decode, read_head
from isolane.wire.paper import decode_paper, is_paper
from isolane.wire.schema import ID_BYTES
from isolane.wire.uplink import VERSION, Gap, LedgerEntry

_LOG = logging.getLogger(__name__)
REASON = "corrupt"
_TRIED_MAX = 200_000
"""So many numbers are tried one by one where the file cannot be read in order."""
_NOT_FOLDED = -1
_ENTRY = (
    "SELECT lane, epoch, stream, sequence, samples, thinned, born_ms, from_ms, to_ms, schema FROM blocks WHERE id = ?"
)
_BLOCKS = "SELECT id FROM blocks ORDER BY id", "SELECT id FROM blocks ORDER BY id DESC"
_BODIES = "SELECT id FROM bodies ORDER BY id", "SELECT id FROM bodies ORDER BY id DESC"
_GAPS = "SELECT epoch, stream, first, last, samples, reason, from_ms, to_ms FROM gaps"

Book = tuple[int, int]
"""Epoch and stream."""


@dataclass
class _Found:
    """What was found of one book."""

    numbers: set[int] = field(default_factory=set)
    samples: int = 0
    thinned: int = 0
    missing: list[Entry] = field(default_factory=list)
    """Blocks whose row can be read and whose bytes are not whole."""
    lost: set[int] = field(default_factory=set)
    """Numbers in gap records."""


def salvage(aside: Path, shelf: Shelf, tag: bytes, known: Mapping[bytes, bytes]) -> int:
    """Put what is whole of a damaged file into a new one, inside the caller's transaction; give how many blocks.

    Args:
        aside: The damaged file. SQLite may finish what its log holds.
        shelf: The new one, empty.
        tag: Of this gateway.
        known: Schemas by id that need not be read.
    """
    found: defaultdict[Book, _Found] = defaultdict(_Found)
    with closing(sqlite3.connect(aside)) as file:
        schemas = {**known, **_schemas(file)}
        for number in sorted({*_numbers(file, *_BLOCKS), *_numbers(file, *_BODIES)}):
            row = _read(file, _ENTRY, number)
            body = _read(file, "SELECT data FROM bodies WHERE id = ?", number)
            data = body[0] if body is not None else b""
            entry = _told_by_itself(data, tag) if row is None else _told(row)
            if entry is None:
                continue
            here = found[entry.key[0], entry.key[1]]
            if entry.key[2] in here.numbers:
                continue
            if not is_whole(data, entry.key, tag, entry.schema) or not _keep_schema(shelf, entry.schema, schemas):
                here.missing.append(entry)
                continue
            shelf.insert(entry, data)
            here.numbers.add(entry.key[2])
            here.samples += entry.samples
            here.thinned += entry.thinned
        books = _books(file)
        for gap in _gaps(file):
            if (gap.epoch, gap.stream) in books:
                shelf.gaps.restore(gap)
                found[gap.epoch, gap.stream].lost.update(range(gap.first, gap.last + 1))
    for book in found.keys() | books.keys():
        _restore(shelf, book, books.get(book), found[book])
    return sum(len(each.numbers) for each in found.values())


def _restore(shelf: Shelf, book: Book, old: LedgerEntry | None, found: _Found) -> None:
    """Open the books of an epoch: as they were, less what is lost, or of what was found alone."""
    if old is None or old.queued < found.samples or old.thinned < found.thinned:
        if found.numbers:
            produced = found.samples + found.thinned
            last = max(found.numbers)
            shelf.books.restore(book, LedgerEntry(*book, last, produced, 0, found.samples, found.thinned, {}))
        return
    thinned = min(sum(entry.thinned for entry in found.missing), old.thinned - found.thinned)
    lost = old.queued - found.samples + thinned
    dropped = dict(old.dropped)
    if lost:
        dropped[REASON] = dropped.get(REASON, 0) + lost
    kept = replace(old, queued=found.samples, thinned=old.thinned - thinned, dropped=dropped)
    shelf.books.restore(book, kept)
    known = {entry.key[2] for entry in found.missing}
    for entry in found.missing:
        gone = min(entry.samples + entry.thinned, lost)
        lost -= gone
        shelf.gaps.record(Gap(VERSION, *book, entry.key[2], entry.key[2], gone, REASON, entry.from_ms, entry.to_ms))
    if lost:
        candidates = set(range(1, old.last_sequence + 1)) - found.numbers - known - found.lost
        if candidates:
            shelf.gaps.record(Gap(VERSION, *book, min(candidates), max(candidates), lost, REASON, book[0], book[0]))


def _numbers(file: sqlite3.Connection, upward: str, downward: str) -> list[int]:
    """Give row numbers by a query and its reverse: those that can be read, and all between that may be there."""
    found: list[int] = []
    for query in (upward, downward):
        try:
            for (number,) in file.execute(query):
                found.append(number)
        except sqlite3.DatabaseError:
            continue
        return found
    low, high = min(found, default=1), max(found, default=0)
    return list(range(low, min(high, low + _TRIED_MAX) + 1))


def _told(row: tuple[Any, ...]) -> Entry:
    """Give what a row tells; a lane that there is not is taken for the lowest."""
    return Entry(row[0] if row[0] in set(Lane) else Lane.BACKFILL, (row[1], row[2], row[3]), *row[4:])


def _told_by_itself(data: bytes, tag: bytes) -> Entry | None:
    """Give what a block or paper tells by its own bytes; None if it is not whole or only opened by an anchor."""
    try:
        if is_paper(data):
            paper = decode_paper(data, tag)
            name = (paper.key.epoch, paper.key.stream, paper.key.sequence)
            return Entry(Lane.SNAPSHOT, name, 1, 0, 0, paper.at_ms, paper.at_ms, b"")
        block = decode(data, tag)
    except (ValueError, TypeError):
        return None
    key = (block.key.epoch, block.key.stream, block.key.sequence)
    end_ms = block.t0_ms + block.step_ms * int(block.values.shape[1])
    return Entry(Lane.BACKFILL, key, block.samples, 0, 0, block.t0_ms, end_ms, block.schema)


def _read(file: sqlite3.Connection, query: str, number: int) -> tuple[Any, ...] | None:
    try:
        row: tuple[Any, ...] | None = file.execute(query, (number,)).fetchone()
    except sqlite3.DatabaseError:
        return None
    return row


def is_whole(data: bytes, key: Key, tag: bytes, schema: bytes | None = None) -> bool:
    """Tell whether bytes are the paper, or the block opened by that schema or anchor, of that number, as it left."""
    try:
        if is_paper(data):
            told = decode_paper(data, tag).key
            return (told.epoch, told.stream, told.sequence) == key and not schema
        head = read_head(data, tag)
    except (ValueError, TypeError):
        return False
    return (head.key.epoch, head.key.stream, head.key.sequence) == key and schema in {None, head.schema}


def _schemas(file: sqlite3.Connection) -> dict[bytes, bytes]:
    """Give schemas and anchors by id, those that fit it."""
    found: list[tuple[bytes, object]] = []
    with suppress(sqlite3.DatabaseError):
        found.extend(file.execute("SELECT id, json FROM schemas"))
    return {
        identity: json
        for identity, json in found
        if isinstance(json, bytes) and hashlib.sha256(json).digest()[:ID_BYTES] == identity
    }


def _keep_schema(shelf: Shelf, identity: bytes, schemas: Mapping[bytes, bytes]) -> bool:
    """Keep what opens a block; tell whether it is all there. Nothing opens a paper."""
    if not identity:
        return True
    json = schemas.get(identity)
    if json is None:
        return False
    if is_anchor(json):
        schema = schemas.get(read_schema_id(json) or b"")
        if schema is None:
            return False
        shelf.have_schema(hashlib.sha256(schema).digest()[:ID_BYTES], schema)
    shelf.have_schema(identity, json)
    return True


def _books(file: sqlite3.Connection) -> dict[Book, LedgerEntry]:
    """Give the books that balance; none if they cannot all be read."""
    try:
        entries = Books(file).entries(but=_NOT_FOLDED)
    except sqlite3.DatabaseError as error:
        _LOG.warning("books-unreadable error=%s", error)
        return {}
    return {(entry.epoch, entry.stream): entry for entry in entries if entry.balanced and entry.queued >= 0}


def _gaps(file: sqlite3.Connection) -> list[Gap]:
    found: list[Gap] = []
    with suppress(sqlite3.DatabaseError):
        found.extend(Gap(VERSION, *row) for row in file.execute(_GAPS))
    return found
