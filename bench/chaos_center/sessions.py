"""This file does harm to the sessions of a database; it guards that its own connections end with the fault."""

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress

import psycopg
from psycopg import sql

Undo = Callable[[], None]

_NAME = "isolane-center"
_HOG_S = 0.3
_TABLES = ("gateway", "book", "stretch", "inbox", "alert")
_MIGRATION_LOCK = 0x69736F6C616E65


def _nothing() -> None:
    """There is nothing to undo."""


def kill_backend(address: str, rng: random.Random) -> Undo | None:
    """Kill the server's process of one session: the server then ends all of them and recovers."""
    try:
        with psycopg.connect(address, connect_timeout=2) as connection:
            query = "SELECT pid FROM pg_stat_activity WHERE application_name = %s"
            found = connection.execute(query, (_NAME,)).fetchall()
    except psycopg.Error:
        return None
    if not found:
        return None
    with suppress(ProcessLookupError):
        os.kill(rng.choice(found)[0], signal.SIGKILL)
    return _nothing


def end_sessions(address: str) -> Undo | None:
    """End all sessions of the center and its workers, as an administrator does."""
    try:
        with psycopg.connect(address, connect_timeout=2) as connection:
            _end_all(connection)
    except psycopg.Error:
        return None
    return _nothing


def _end_all(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", (_NAME,)
    ).fetchall()


class Hog:
    """Has all connections, so that nobody else gets one.

    Args:
        address: Of the database.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._held: list[psycopg.Connection[tuple[object, ...]]] = []

    @classmethod
    def begun(cls, address: str) -> Undo | None:
        """Take all; gives what lets go of them."""
        hog = cls(address)
        hog.take()
        if not hog._held:
            return None
        with suppress(psycopg.Error):
            _end_all(hog._held[0])
        end = time.monotonic() + _HOG_S
        while time.monotonic() < end:
            hog.take()
        return hog.let_go

    def take(self) -> None:
        """Take what there is."""
        with suppress(psycopg.Error):
            while True:
                self._held.append(psycopg.connect(self._address, connect_timeout=2, autocommit=True))

    def let_go(self) -> None:
        """Give all back."""
        for connection in self._held:
            with suppress(psycopg.Error):
                connection.close()


class TableChange:
    """A column is added to a table, and the transaction stays open for a while, as a migration's does.

    Args:
        address: Of the database.
        table: Whose.
    """

    def __init__(self, address: str, table: str) -> None:
        self._table = sql.Identifier(table)
        options = "-c lock_timeout=3s -c statement_timeout=10s"
        self._connection = psycopg.connect(address, connect_timeout=2, options=options)

    @classmethod
    def begun(cls, address: str, rng: random.Random) -> Undo | None:
        """Begin; gives what ends it."""
        try:
            change = cls(address, rng.choice(_TABLES))
        except psycopg.Error:
            return None
        try:
            change.begin()
        except psycopg.Error:
            change.close()
            return None
        return change.end

    def begin(self) -> None:
        """Add the column, and do not commit."""
        self._connection.execute("SELECT pg_advisory_xact_lock(%s)", (_MIGRATION_LOCK,))
        change = sql.SQL("ALTER TABLE {} ADD COLUMN IF NOT EXISTS chaos integer NOT NULL DEFAULT 0")
        self._connection.execute(change.format(self._table))

    def end(self) -> None:
        """Commit, and take the column away again."""
        with suppress(psycopg.Error):
            self._connection.commit()
            self._connection.execute(sql.SQL("ALTER TABLE {} DROP COLUMN IF EXISTS chaos").format(self._table))
            self._connection.commit()
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        with suppress(psycopg.Error):
            self._connection.close()
