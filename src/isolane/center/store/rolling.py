"""This file moves old hot blocks into the lake; it guards that every sample is always in exactly one of them.

The pass runs on its own thread: it picks blocks, writes files, and then one short transaction on the writer's thread
lists the files and removes the blocks. A crash before it leaves files that no book lists; the next start removes them.
"""

import datetime as dt
import logging
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from isolane.center.store.hot import HotStore
from isolane.center.store.lake import KINDS, LakeFile, Piece, write_files
from isolane.center.store.stretches import Stretches
from isolane.wire.block import Block, decode
from isolane.wire.schema import Schema

_log = logging.getLogger(__name__)

_SAMPLES_PER_FILE_MAX = 4_000_000
"""Sorting a file's samples takes about 40 bytes each: 160 MB."""

StreamKey = tuple[int, int, int]
"""Gateway number, epoch, stream."""


@dataclass(frozen=True, slots=True)
class Roll:
    """What one transaction moves: new files, the blocks in them, and the sequence numbers that are rolled with them."""

    files: list[LakeFile]
    numbers: list[int]
    sequences: dict[StreamKey, list[int]]


@dataclass(frozen=True, slots=True)
class Picked:
    """A hot block on its way: its number, gateway and content."""

    number: int
    site: str
    gateway: str
    key: StreamKey
    block: Block


Confirm = Callable[[Sequence[Picked]], set[int]]
"""Tells the numbers of those blocks that another store has for good and that may leave the hot one."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """What becomes of blocks that are no longer hot.

    Attributes:
        kinds: Which files of the lake they are written to.
        confirm: Where full-rate samples are in another store, tells which of the blocks are there; others stay hot.
    """

    kinds: Sequence[str] = KINDS
    confirm: Confirm | None = None


_IN_THE_LAKE = Keeping()


def rolls(
    hot: HotStore,
    lake: Path,
    schemas: Mapping[bytes, Schema],
    before_ms: int,
    keeping: Keeping = _IN_THE_LAKE,
) -> Iterator[Roll]:
    """Write all blocks received before an instant into files, part by part; commit each part before the next.

    Args:
        hot: Where the blocks are.
        lake: The lake's folder.
        schemas: Known schemas; blocks of others stay.
        before_ms: UTC ms, by time of arrival.
        keeping: What becomes of them.

    Raises:
        OSError: The disk does not take a file, or the other store is away.
    """
    with hot.reading() as connection:
        groups = connection.execute(
            "SELECT DISTINCT g.site, b.t0_ms / 86400000 FROM block b JOIN gateway g ON g.id = b.gateway"
            " WHERE b.received_ms < ? ORDER BY 1, 2",
            (before_ms,),
        ).fetchall()
    for site, day in groups:
        after = 0
        while True:
            with hot.reading() as connection:
                picked, after = _pick(connection, (site, day), before_ms, after, schemas)
            if picked and keeping.confirm is not None:
                here = keeping.confirm(picked)
                picked = [one for one in picked if one.number in here]
            if picked:
                date = dt.date(1970, 1, 1) + dt.timedelta(days=day)
                yield _rolled(write_files(lake, site, date, _pieces(picked, schemas), keeping.kinds), picked)
            if not after:
                break


def _pick(
    connection: sqlite3.Connection,
    partition: tuple[str, int],
    before_ms: int,
    after: int,
    schemas: Mapping[bytes, Schema],
) -> tuple[list[Picked], int]:
    """Collect blocks of one partition after a number; gives the number to go on from, 0 at the end."""
    site, day = partition
    rows = connection.execute(
        "SELECT b.number, b.gateway, g.name, b.epoch, b.stream, b.schema, b.samples, b.data"
        " FROM block b JOIN gateway g ON g.id = b.gateway"
        " WHERE g.site = ? AND b.t0_ms BETWEEN ? AND ? AND b.received_ms < ? AND b.number > ? ORDER BY b.number",
        (site, day * 86_400_000, (day + 1) * 86_400_000 - 1, before_ms, after),
    )
    picked: list[Picked] = []
    samples = 0
    for number, gateway, name, epoch, stream, schema, size, data in rows:
        if schema not in schemas:
            continue
        samples += size
        if samples > _SAMPLES_PER_FILE_MAX and picked:
            return picked, picked[-1].number
        picked.append(Picked(number, site, name, (gateway, epoch, stream), decode(data)))
    return picked, 0


def _pieces(picked: Sequence[Picked], schemas: Mapping[bytes, Schema]) -> list[Piece]:
    grouped: dict[tuple[str, bytes], list[Block]] = {}
    for one in picked:
        grouped.setdefault((one.gateway, one.block.schema), []).append(one.block)
    return [Piece(gateway, schemas[schema], blocks) for (gateway, schema), blocks in grouped.items()]


def _rolled(files: list[LakeFile], picked: list[Picked]) -> Roll:
    sequences: dict[StreamKey, list[int]] = {}
    for one in picked:
        sequences.setdefault(one.key, []).append(one.block.key.sequence)
    return Roll(files, [one.number for one in picked], sequences)


def commit_roll(connection: sqlite3.Connection, roll: Roll, rolled: dict[StreamKey, Stretches]) -> None:
    """List the files and remove the blocks, inside the writer's transaction.

    The newest block of each (gateway, schema) stays in `newest`, so that last values outlive a restart.

    Args:
        connection: In its transaction.
        roll: What to move.
        rolled: Rolled sequence numbers; is extended, so reload it if the transaction fails.
    """
    connection.executemany("INSERT INTO file VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", map(astuple, roll.files))
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS moved (number INTEGER PRIMARY KEY)")
    connection.execute("DELETE FROM moved")
    connection.executemany("INSERT INTO moved VALUES (?)", [(number,) for number in roll.numbers])
    connection.execute(
        "INSERT INTO newest SELECT gateway, schema, end_ms, received_ms, data FROM ("
        "  SELECT gateway, schema, end_ms, received_ms, data,"
        "    row_number() OVER (PARTITION BY gateway, schema ORDER BY end_ms DESC) AS place"
        "  FROM block WHERE number IN (SELECT number FROM moved)) WHERE place = 1"
        " ON CONFLICT (gateway, schema) DO UPDATE SET end_ms = excluded.end_ms, received_ms = excluded.received_ms,"
        "   data = excluded.data WHERE excluded.end_ms >= end_ms"
    )
    connection.execute("DELETE FROM block WHERE number IN (SELECT number FROM moved)")
    for key, numbers in roll.sequences.items():
        stretches = rolled.setdefault(key, Stretches())
        for run in Stretches((number, number) for number in numbers):
            replaced, now = stretches.add(*run)
            connection.executemany(
                "DELETE FROM rolled WHERE gateway = ? AND epoch = ? AND stream = ? AND first = ?",
                [(*key, first) for first, _ in replaced],
            )
            connection.execute("INSERT INTO rolled VALUES (?, ?, ?, ?, ?)", (*key, *now))


def load_rolled(connection: sqlite3.Connection) -> dict[StreamKey, Stretches]:
    """Read which sequence numbers have been rolled."""
    ranges: dict[StreamKey, list[tuple[int, int]]] = {}
    for gateway, epoch, stream, first, last in connection.execute("SELECT * FROM rolled"):
        ranges.setdefault((gateway, epoch, stream), []).append((first, last))
    return {key: Stretches(found) for key, found in ranges.items()}


def expired(connection: sqlite3.Connection, kind: str, before_ms: int) -> list[str]:
    """Strike files that end before an instant from the book, inside the writer's transaction; gives their paths."""
    rows = connection.execute("DELETE FROM file WHERE kind = ? AND to_ms <= ? RETURNING path", (kind, before_ms))
    return [path for (path,) in rows]


def remove_strays(connection: sqlite3.Connection, lake: Path) -> int:
    """Remove files that no book lists; at start, before anybody writes. Gives how many."""
    listed = {path for (path,) in connection.execute("SELECT path FROM file")}
    strays = [
        path
        for kind in KINDS
        for path in (lake / kind).glob("date=*/site=*/*")
        if str(path.relative_to(lake)) not in listed
    ]
    for path in strays:
        path.unlink()
    if strays:
        _log.warning("lake-strays-removed count=%d", len(strays))
    return len(strays)
