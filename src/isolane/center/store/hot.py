"""This file keeps blocks as they came, in SQLite; it guards that a committed block is durable, once.

Layout (PRAGMA user_version 2): `block` holds the hot blocks with their bytes; `rolled` the sequence ranges that have
moved to the lake, so that a late copy is known; `file` the lake's files, so that moving a block is one transaction;
`newest` the last block per gateway and schema, so that last values outlive the move.

One thread writes. Readers have a connection each and see one consistent picture inside `reading`.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from isolane.center.store.port import BlockArrival, GapArrival, UnavailableError
from isolane.core.failures import IsolaneError

_VERSION = 2
_VERSION_WITHOUT_HOURS = 1
_BUSY_S = 10.0
_SCHEMA = """
CREATE TABLE gateway (id INTEGER PRIMARY KEY, site TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (site, name));
CREATE TABLE schema (id BLOB PRIMARY KEY, json BLOB NOT NULL);
CREATE TABLE carrier (
    gateway INTEGER NOT NULL, stream INTEGER NOT NULL, schema BLOB NOT NULL, PRIMARY KEY (gateway, schema, stream)
) WITHOUT ROWID;
CREATE TABLE block (
    number INTEGER PRIMARY KEY AUTOINCREMENT, gateway INTEGER NOT NULL, epoch INTEGER NOT NULL, stream INTEGER NOT NULL,
    sequence INTEGER NOT NULL, schema BLOB NOT NULL, t0_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL,
    step_ms INTEGER NOT NULL, samples INTEGER NOT NULL, received_ms INTEGER NOT NULL, data BLOB NOT NULL,
    UNIQUE (gateway, epoch, stream, sequence)
);
CREATE INDEX block_time ON block (gateway, schema, t0_ms, end_ms, step_ms, samples);
CREATE INDEX block_received ON block (received_ms, samples);
CREATE TABLE gap (
    gateway INTEGER NOT NULL, epoch INTEGER NOT NULL, stream INTEGER NOT NULL, first INTEGER NOT NULL,
    reason TEXT NOT NULL, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL, PRIMARY KEY (gateway, epoch, stream, first)
) WITHOUT ROWID;
CREATE TABLE rolled (
    gateway INTEGER NOT NULL, epoch INTEGER NOT NULL, stream INTEGER NOT NULL, first INTEGER NOT NULL,
    last INTEGER NOT NULL, PRIMARY KEY (gateway, epoch, stream, first)
) WITHOUT ROWID;
CREATE TABLE newest (
    gateway INTEGER NOT NULL, schema BLOB NOT NULL, end_ms INTEGER NOT NULL, received_ms INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (gateway, schema)
) WITHOUT ROWID;
CREATE TABLE file (
    path TEXT PRIMARY KEY, kind TEXT NOT NULL, site TEXT NOT NULL, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL,
    step_ms INTEGER NOT NULL, samples INTEGER NOT NULL, size_bytes INTEGER NOT NULL,
    has_hours INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX file_time ON file (site, kind, from_ms, to_ms);
"""


@dataclass(frozen=True, slots=True)
class HotBlock:
    """Where a hot block lies in time; its bytes are read by `number`."""

    number: int
    t0_ms: int
    step_ms: int
    samples: int


class HotStore:
    """The SQLite file of the embedded telemetry store.

    Args:
        file: Is made if it does not exist.

    Raises:
        IsolaneError: The file cannot be opened or is of a newer release.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self.writer = self._connect(self._prepare)
        except (OSError, sqlite3.Error) as error:
            raise IsolaneError(
                f"cannot open {file}: {error}", "check that the center may write its data folder"
            ) from error

    def _prepare(self, connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            connection.executescript(f"BEGIN;{_SCHEMA}PRAGMA user_version = {_VERSION};COMMIT;")
        elif version == _VERSION_WITHOUT_HOURS:
            change = "ALTER TABLE file ADD COLUMN has_hours INTEGER NOT NULL DEFAULT 0;"
            connection.executescript(f"BEGIN;{change}PRAGMA user_version = {_VERSION};COMMIT;")
        elif version > _VERSION:
            hint = "run the newer release, or give another data folder"
            raise IsolaneError(f"{self._file} is of a newer release", hint)

    def _connect(self, prepare: Callable[[sqlite3.Connection], None] | None = None) -> sqlite3.Connection:
        connection = sqlite3.connect(self._file, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            if prepare is not None:
                prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        """Close every connection; call it when no thread reads or writes any more."""
        for connection in (*self._readers, self.writer):
            connection.close()

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Open a transaction that is durable after the block, or gone if it raises; on the writer's thread only.

        Raises:
            UnavailableError: The file cannot be written now.
        """
        try:
            self.writer.execute("BEGIN IMMEDIATE")
            try:
                yield self.writer
                self.writer.execute("COMMIT")
            except BaseException:
                # Of a full disk SQLite has rolled back by itself.
                if self.writer.in_transaction:
                    self.writer.execute("ROLLBACK")
                raise
        except sqlite3.OperationalError as error:
            raise UnavailableError(f"{self._file}: {error}") from error

    def empty_log(self) -> bool:
        """Write the log's content to its place and empty it, unless somebody reads; on the writer's thread only."""
        try:
            (is_busy, *_) = self.writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError:
            return False
        return not is_busy

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Open one consistent picture for the thread that asks."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect()
            self._readers.append(connection)
        connection.execute("BEGIN")
        try:
            yield connection
        finally:
            connection.execute("COMMIT")


def gateway_id(connection: sqlite3.Connection, site: str, gateway: str) -> int:
    """Give the number of a gateway, a new one at first contact."""
    row = connection.execute("SELECT id FROM gateway WHERE site = ? AND name = ?", (site, gateway)).fetchone()
    if row is None:
        row = connection.execute(
            "INSERT INTO gateway (site, name) VALUES (?, ?) RETURNING id", (site, gateway)
        ).fetchone()
    return int(row[0])


def insert_block(connection: sqlite3.Connection, gateway: int, arrival: BlockArrival) -> int | None:
    """Store a block's bytes; give its number, or None if the store has it already."""
    block, key = arrival.block, arrival.block.key
    row = connection.execute(
        "INSERT OR IGNORE INTO block (gateway, epoch, stream, sequence, schema, t0_ms, end_ms, step_ms, samples,"
        " received_ms, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING number",
        (
            *(gateway, key.epoch, key.stream, key.sequence, block.schema, block.t0_ms),
            *(block.t0_ms + block.step_ms * block.values.shape[1], block.step_ms, block.samples),
            *(arrival.origin.received_ms, arrival.data),
        ),
    ).fetchone()
    return None if row is None else int(row[0])


def insert_gap(connection: sqlite3.Connection, gateway: int, arrival: GapArrival) -> None:
    """Store a gap record; the newest with the same first sequence number stays."""
    gap = arrival.gap
    connection.execute(
        "INSERT OR REPLACE INTO gap VALUES (?, ?, ?, ?, ?, ?, ?)",
        (gateway, gap.epoch, gap.stream, gap.first, gap.reason, gap.from_ms, gap.to_ms),
    )


def find_blocks(
    connection: sqlite3.Connection, gateway: int, schema: bytes, from_ms: int, to_ms: int
) -> list[HotBlock]:
    """Find the hot blocks of a schema that reach into a span, by time."""
    rows = connection.execute(
        "SELECT number, t0_ms, step_ms, samples FROM block"
        " WHERE gateway = ? AND schema = ? AND t0_ms < ? AND end_ms > ? ORDER BY t0_ms",
        (gateway, schema, to_ms, from_ms),
    )
    return [HotBlock(*row) for row in rows]


def read_blocks(connection: sqlite3.Connection, numbers: list[int]) -> list[tuple[int, bytes]]:
    """Read blocks' bytes as (number, bytes); numbers must exist in this picture."""
    found: list[tuple[int, bytes]] = []
    for at in range(0, len(numbers), 500):
        part = numbers[at : at + 500]
        marks = ",".join("?" * len(part))
        # Only question marks are put into the text.
        found += connection.execute(f"SELECT number, data FROM block WHERE number IN ({marks})", part)  # noqa: S608
    return found


def find_gaps(
    connection: sqlite3.Connection, gateway: int, streams: tuple[int, ...], from_ms: int, to_ms: int
) -> list[tuple[int, int, str]]:
    """Find gap records of some streams in a span, as (from_ms, to_ms, reason)."""
    rows = connection.execute(
        "SELECT from_ms, to_ms, reason, stream FROM gap WHERE gateway = ? AND from_ms < ? AND to_ms > ?",
        (gateway, to_ms, from_ms),
    )
    return [(begin, end, reason) for begin, end, reason, stream in rows if stream in streams]


def newest_blocks(connection: sqlite3.Connection) -> list[tuple[int, int, bytes]]:
    """Read the last blocks of each (gateway, schema), rolled and hot, as (gateway, received_ms, bytes)."""
    rows = connection.execute("SELECT gateway, received_ms, data FROM newest").fetchall()
    for use in connection.execute("SELECT DISTINCT gateway, schema FROM carrier").fetchall():
        rows += connection.execute(
            "SELECT gateway, received_ms, data FROM block WHERE gateway = ? AND schema = ? ORDER BY t0_ms DESC LIMIT 1",
            use,
        )
    return rows
