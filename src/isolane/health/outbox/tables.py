"""This file holds the outbox's tables and opens the file; it guards that a damaged file never stops a gateway.

The database itself refuses books that do not balance (CHECK), and keeps body, receipts and occupancy in step with a
block (triggers), so no code path can forget one. Tables without rowid name their key's columns first and in its
order: the quick check of SQLite 3.40 calls sound rows of others damaged. WAL with synchronous=FULL: a commit is on
the disk when it returns. The file is locked exclusively: one process writes it, and no shared-memory file is needed.
"""

import contextlib
import logging
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from isolane.core.failures import IsolaneError
from isolane.health.outbox.missed import TABLE
from isolane.health.outbox.reserve import PAGE_BYTES, reserve_bytes

_LOG = logging.getLogger(__name__)
_LOG_PAGES = 1000
"""What the write-ahead log holds before it is moved into the file; less on a small disk."""
_PRIMARY = 0xFF
"""SQLite's extended error codes carry the primary one in their lowest byte."""

_TABLES = """
CREATE TABLE books (
    epoch INTEGER NOT NULL, stream INTEGER NOT NULL, last_sequence INTEGER NOT NULL DEFAULT 0,
    produced INTEGER NOT NULL DEFAULT 0, acknowledged INTEGER NOT NULL DEFAULT 0, queued INTEGER NOT NULL DEFAULT 0,
    thinned INTEGER NOT NULL DEFAULT 0, dropped INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (epoch, stream),
    CHECK (produced = acknowledged + queued + thinned + dropped),
    CHECK (min(produced, acknowledged, queued, thinned, dropped) >= 0)
) WITHOUT ROWID;
CREATE TABLE reasons (
    epoch INTEGER NOT NULL, stream INTEGER NOT NULL, reason TEXT NOT NULL, samples INTEGER NOT NULL,
    PRIMARY KEY (epoch, stream, reason)
) WITHOUT ROWID;
CREATE TABLE blocks (
    id INTEGER PRIMARY KEY AUTOINCREMENT, lane INTEGER NOT NULL,
    epoch INTEGER NOT NULL, stream INTEGER NOT NULL, sequence INTEGER NOT NULL,
    samples INTEGER NOT NULL, born_ms INTEGER NOT NULL, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL,
    size INTEGER NOT NULL, schema BLOB NOT NULL, thinned INTEGER NOT NULL DEFAULT 0,
    UNIQUE (epoch, stream, sequence)
);
CREATE INDEX blocks_by_lane ON blocks (lane, id);
CREATE TABLE bodies (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE gaps (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    epoch INTEGER NOT NULL, stream INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    samples INTEGER NOT NULL, reason TEXT NOT NULL, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL,
    UNIQUE (epoch, stream, first)
);
CREATE TABLE receipts (
    what TEXT NOT NULL, id INTEGER NOT NULL, link TEXT NOT NULL, PRIMARY KEY (what, id, link)
) WITHOUT ROWID;
CREATE TABLE schemas (id BLOB PRIMARY KEY, json BLOB NOT NULL) WITHOUT ROWID;
CREATE TRIGGER gap_goes AFTER DELETE ON gaps BEGIN
    DELETE FROM receipts WHERE what = 'gap' AND id = OLD.id;
END;
"""
_OCCUPANCY = """
CREATE TABLE occupancy (lane INTEGER PRIMARY KEY, blocks INTEGER NOT NULL, bytes INTEGER NOT NULL);
INSERT INTO occupancy VALUES (0, 0, 0), (1, 0, 0), (2, 0, 0), (3, 0, 0), (4, 0, 0);
CREATE TRIGGER block_comes AFTER INSERT ON blocks BEGIN
    UPDATE occupancy SET blocks = blocks + 1, bytes = bytes + NEW.size WHERE lane = NEW.lane;
END;
CREATE TRIGGER block_goes AFTER DELETE ON blocks BEGIN
    DELETE FROM bodies WHERE id = OLD.id;
    DELETE FROM receipts WHERE what = 'block' AND id = OLD.id;
    UPDATE occupancy SET blocks = blocks - 1, bytes = bytes - OLD.size WHERE lane = OLD.lane;
END;
CREATE TRIGGER block_yields AFTER UPDATE OF lane ON blocks BEGIN
    UPDATE occupancy SET blocks = blocks - 1, bytes = bytes - OLD.size WHERE lane = OLD.lane;
    UPDATE occupancy SET blocks = blocks + 1, bytes = bytes + NEW.size WHERE lane = NEW.lane;
END;
"""
_NO_OCCUPANCY = "DROP TRIGGER block_comes; DROP TRIGGER block_goes; DROP TABLE occupancy;"
_COUNTED_ANEW = "INSERT OR REPLACE INTO occupancy SELECT lane, count(*), sum(size) FROM blocks GROUP BY lane;"
_VERSION = 3
_UPGRADES = {
    1: "ALTER TABLE blocks ADD COLUMN thinned INTEGER NOT NULL DEFAULT 0;",
    2: _NO_OCCUPANCY + _OCCUPANCY + _COUNTED_ANEW,
}
"""What makes a file of that version one of the next."""

_MISCOUNTED = """
SELECT count(*) FROM books LEFT JOIN (
    SELECT epoch, stream, sum(samples) AS waiting FROM blocks GROUP BY epoch, stream
) USING (epoch, stream) WHERE queued <> coalesce(waiting, 0)
"""
_MISREASONED = """
SELECT count(*) FROM books LEFT JOIN (
    SELECT epoch, stream, sum(samples) AS told FROM reasons GROUP BY epoch, stream
) USING (epoch, stream) WHERE dropped <> coalesce(told, 0)
"""
_MISMEASURED = """
SELECT count(*) FROM occupancy LEFT JOIN (
    SELECT lane, count(*) AS found, sum(size) AS weight FROM blocks GROUP BY lane
) USING (lane) WHERE blocks <> coalesce(found, 0) OR bytes <> coalesce(weight, 0)
    OR (SELECT sum(blocks) FROM occupancy) <> (SELECT count(*) FROM blocks)
"""


def open_file(path: Path) -> sqlite3.Connection:
    """Open the outbox's file, or make it.

    Raises:
        sqlite3.DatabaseError: The file is damaged or of a version not known here (not an OperationalError), or the
            disk or another process refuses it (OperationalError).
    """
    connection = sqlite3.connect(path, timeout=1.0, isolation_level=None, check_same_thread=False)
    try:
        _prepare(connection, path.parent)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, folder: Path) -> None:
    # What SQLite sets aside while it works stays in memory: otherwise it opens a file in a folder that is not ours.
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA journal_size_limit = 8388608")
    connection.execute(f"PRAGMA wal_autocheckpoint = {min(_LOG_PAGES, reserve_bytes(folder) // 2 // PAGE_BYTES)}")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    made = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if not made:
        connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} {_OCCUPANCY} PRAGMA user_version = {_VERSION}; COMMIT;")
        connection.execute(TABLE)
        return
    while version in _UPGRADES:
        connection.executescript(f"BEGIN IMMEDIATE; {_UPGRADES[version]} PRAGMA user_version = {version + 1}; COMMIT;")
        version += 1
    if version != _VERSION:
        raise sqlite3.DatabaseError(f"an outbox of version {version}")
    connection.execute(TABLE)
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)
    if any(connection.execute(query).fetchone()[0] for query in (_MISCOUNTED, _MISREASONED, _MISMEASURED)):
        raise sqlite3.DatabaseError("the books do not fit the blocks")


@contextlib.contextmanager
def transaction(file: sqlite3.Connection) -> Iterator[None]:
    """Commit what happens inside, or nothing of it."""
    file.execute("BEGIN IMMEDIATE")
    try:
        yield
        file.execute("COMMIT")
    except BaseException:
        if file.in_transaction:
            file.execute("ROLLBACK")
        raise


def write_out(file: sqlite3.Connection) -> None:
    """Move the log into the file and flush it: pages whose flush has failed once are not written by another flush.

    Raises:
        sqlite3.OperationalError: The disk refuses it; the file is closed.
    """
    try:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError:
        file.close()
        raise


def quarantine(path: Path) -> Path:
    """Rename a damaged outbox and what belongs to it, so that a person can look at it; give its new name.

    Only the newest is kept, so that a bad disk does not fill up with them.
    """
    aside = path.with_name(f"{path.name}.damaged-{time.time_ns() // 1_000_000}")
    for old in path.parent.glob(f"{path.name}.damaged-*"):
        old.unlink(missing_ok=True)
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    return aside


def refusal(path: Path, error: sqlite3.OperationalError) -> IsolaneError:
    """Put into words why the file could not be opened at the start."""
    if error.sqlite_errorcode in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return IsolaneError(f"another process uses the outbox {path}", "stop it, or give each gateway its own `path`")
    if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
        return IsolaneError(f"there is no room on the disk for the outbox {path}", "make room, or give another `path`")
    return IsolaneError(
        f"cannot open the outbox {path}: {error}", "check that its folder exists and belongs to the health process"
    )


def is_full(error: sqlite3.OperationalError) -> bool:
    """Tell whether it is for want of room on the disk."""
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY == sqlite3.SQLITE_FULL
