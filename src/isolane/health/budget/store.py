"""This file keeps the month's books on disk; it guards that a crash never gives used bytes back.

What is on disk is ahead of what was used, by one lease at most; a process that is killed so loses at most a lease, and
the disk is written once a lease and not once a packet. An end in order writes what was used exactly.
"""

import contextlib
import logging
import os
from pathlib import Path

import msgspec

from isolane.health.budget.month import Books

_LOG = logging.getLogger(__name__)
_LEASE_BYTES_MIN = 65_536
_LEASES_A_MONTH = 1000
_LEASE_BYTES = 1_000_000
"""Where there is no limit."""


class Store:
    """The file.

    Args:
        path: Where it is.
        limit_bytes: The month's limit, None if there is none.
    """

    def __init__(self, path: Path, limit_bytes: int | None) -> None:
        self._path = path
        self._saved = Books()
        self._is_told = False
        self.lease_bytes = (
            _LEASE_BYTES if limit_bytes is None else max(_LEASE_BYTES_MIN, limit_bytes // _LEASES_A_MONTH)
        )
        self.writes = 0

    def load(self) -> Books:
        """Read the books; new ones if there are none or they cannot be read."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Books)
        except FileNotFoundError:
            return Books()
        except (OSError, msgspec.DecodeError) as error:
            _LOG.error("month-books-lost path=%s why=%s", self._path, error)
            return Books()

    def is_due(self, books: Books) -> bool:
        """Tell whether the lease is used up, or the month is another one."""
        saved = self._saved
        return books.used > saved.used or (books.month, books.before) != (saved.month, saved.before)

    def save(self, books: Books, *, is_last: bool = False) -> None:
        """Write the books, a lease ahead unless they are the last; a disk that refuses is told of once."""
        ahead = msgspec.structs.replace(books, used=books.used + (0 if is_last else self.lease_bytes))
        draft = self._path.with_name(self._path.name + ".new")
        try:
            with draft.open("wb") as file:
                file.write(msgspec.json.encode(ahead))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except OSError as error:
            if not self._is_told:
                _LOG.warning("month-books-not-written path=%s why=%s", self._path, error.strerror)
            self._is_told = True
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
            return
        self._is_told = False
        self._saved = ahead
        self.writes += 1
