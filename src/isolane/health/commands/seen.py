"""This file remembers commands on disk; it guards that a command which was taken once is never taken again.

SQLite with ``synchronous = EXTRA``: when `take` returns, the disk has the command's name, and only then anything is
done. At most `KEPT` commands; the oldest go, which is safe because a command has to quote a challenge of the last 20
minutes, and `rate` lets far fewer through in that time. The freeze stands in the same file.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from isolane.core.failures import IsolaneError
from isolane.health.commands.states import NEXT, OPEN, State
from isolane.wire.command import Command

KEPT: Final = 4096
WINDOW: Final = 64
"""How far behind the greatest number of a center a command may come: signing takes different times."""
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS commands (
    number INTEGER PRIMARY KEY AUTOINCREMENT, jti TEXT NOT NULL UNIQUE, digest TEXT NOT NULL, iss TEXT NOT NULL,
    seq INTEGER NOT NULL, verb TEXT NOT NULL, state TEXT NOT NULL, UNIQUE (iss, seq)
) STRICT;
CREATE TABLE IF NOT EXISTS centers (iss TEXT PRIMARY KEY, greatest INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS untold (number INTEGER PRIMARY KEY AUTOINCREMENT, receipt BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS freeze (one INTEGER PRIMARY KEY CHECK (one = 1), set_by TEXT NOT NULL) STRICT;
"""


class StoreError(Exception):
    """The disk did not take it."""


@dataclass(frozen=True, slots=True)
class Known:
    """A command of an earlier process that was never finished."""

    jti: str
    digest: str
    verb: str


class Seen:
    """The file.

    Args:
        path: Where; its folder is there.

    Raises:
        IsolaneError: It cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        try:
            self._file = sqlite3.connect(path, timeout=1, isolation_level=None, check_same_thread=False)
            self._file.execute("PRAGMA synchronous = EXTRA")
            self._file.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._file.executescript(_TABLES)
            path.chmod(0o600)
        except (sqlite3.Error, OSError) as error:
            raise IsolaneError(f"cannot open {path}: {error}", "see who else has it open, and whose it is") from error

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def knows(self, jti: str) -> bool:
        """Tell whether a command of that name was taken.

        Raises:
            StoreError: The file does not answer.
        """
        with self._work() as file:
            return file.execute("SELECT 1 FROM commands WHERE jti = ?", (jti,)).fetchone() is not None

    def is_next(self, iss: str, seq: int) -> bool:
        """Tell whether a center's number is new and no more than `WINDOW` behind its greatest.

        Raises:
            StoreError: The file does not answer.
        """
        with self._work() as file:
            row = file.execute("SELECT greatest FROM centers WHERE iss = ?", (iss,)).fetchone()
            taken = file.execute("SELECT 1 FROM commands WHERE iss = ? AND seq = ?", (iss, seq)).fetchone()
        return taken is None and (row is None or seq > int(row[0]) - WINDOW)

    def take(self, command: Command, digest: str) -> None:
        """Write a command down as accepted and wait until the disk has it.

        Raises:
            StoreError: It has not.
        """
        row = (command.jti, digest, command.iss, command.seq, command.verb, State.ACCEPTED)
        with self._work() as file:
            file.execute("INSERT INTO commands (jti, digest, iss, seq, verb, state) VALUES (?, ?, ?, ?, ?, ?)", row)
            file.execute(
                "INSERT INTO centers VALUES (?, ?)"
                " ON CONFLICT (iss) DO UPDATE SET greatest = max(greatest, excluded.greatest)",
                (command.iss, command.seq),
            )
            file.execute("DELETE FROM commands WHERE number <= (SELECT max(number) FROM commands) - ?", (KEPT,))

    def move(self, jti: str, state: State) -> None:
        """Write down a command's next state.

        Raises:
            StoreError: The disk has not taken it.
            ValueError: That state cannot follow.
        """
        with self._work() as file:
            _move(file, jti, state)

    def end(self, jti: str, state: State, receipt: bytes) -> int:
        """Write down how a command ended, and the receipt that is yet to be told, in one step; give its number.

        Raises:
            StoreError: The disk has not taken it.
            ValueError: That state cannot follow.
        """
        with self._work() as file:
            _move(file, jti, state)
            return _hold(file, receipt)

    def hold(self, receipt: bytes) -> int:
        """Write down a receipt that is yet to be told; give its number.

        Raises:
            StoreError: The disk has not taken it.
        """
        with self._work() as file:
            return _hold(file, receipt)

    def told(self, number: int) -> None:
        """Let go of a receipt that is in the outbox.

        Raises:
            StoreError: The disk has not taken it.
        """
        with self._work() as file:
            file.execute("DELETE FROM untold WHERE number = ?", (number,))

    def untold(self) -> list[tuple[int, bytes]]:
        """Give the receipts that the last process has not brought into the outbox, or not noted so.

        Raises:
            StoreError: The file does not answer.
        """
        with self._work() as file:
            rows = file.execute("SELECT number, receipt FROM untold ORDER BY number").fetchall()
        return [(int(number), bytes(receipt)) for number, receipt in rows]

    def unfinished(self) -> list[Known]:
        """Give the commands that were accepted or running when the last process ended.

        Raises:
            StoreError: The file does not answer.
        """
        with self._work() as file:
            rows = file.execute("SELECT jti, digest, verb FROM commands WHERE state IN (?, ?) ORDER BY number", OPEN)
            return [Known(*row) for row in rows]

    def frozen_by(self) -> str | None:
        """Give who froze the gateway, None where it is not frozen.

        Raises:
            StoreError: The file does not answer.
        """
        with self._work() as file:
            row = file.execute("SELECT set_by FROM freeze").fetchone()
        return None if row is None else str(row[0])

    def freeze(self, person: str | None) -> None:
        """Freeze the gateway in somebody's name, or clear it with None.

        Raises:
            StoreError: The disk has not taken it.
        """
        with self._work() as file:
            if person is None:
                file.execute("DELETE FROM freeze")
            else:
                file.execute("INSERT OR REPLACE INTO freeze VALUES (1, ?)", (person,))

    @contextmanager
    def _work(self) -> Iterator[sqlite3.Connection]:
        """Do all of it or nothing."""
        with self._lock:
            try:
                self._file.execute("BEGIN IMMEDIATE")
                yield self._file
                self._file.execute("COMMIT")
            except sqlite3.Error as error:
                raise StoreError(str(error)) from error
            finally:
                self._end()

    def _end(self) -> None:
        """Leave no transaction open; a closed file has none."""
        with contextlib.suppress(sqlite3.Error):
            if self._file.in_transaction:
                self._file.rollback()


def _move(file: sqlite3.Connection, jti: str, state: State) -> None:
    row = file.execute("SELECT state FROM commands WHERE jti = ?", (jti,)).fetchone()
    if row is None or state not in NEXT[State(row[0])]:
        raise ValueError(f"{state} cannot follow {row and row[0]}")
    file.execute("UPDATE commands SET state = ? WHERE jti = ?", (state, jti))


def _hold(file: sqlite3.Connection, receipt: bytes) -> int:
    return int(file.execute("INSERT INTO untold (receipt) VALUES (?)", (receipt,)).lastrowid or 0)
