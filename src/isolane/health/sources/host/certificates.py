"""This file looks at the end of certificates; it guards that a file is read again only when it has changed."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

_Mark = tuple[int, int, int]
"""Inode, size and time of a file's content."""


class CertificateEnds:
    """The first certificate of each of some PEM files, which is the own one of a chain.

    Args:
        files: Where they are.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = tuple(dict.fromkeys(files))
        self._known: dict[Path, tuple[_Mark, datetime | None]] = {}

    def left_s(self, now: datetime | None = None) -> float | None:
        """Give how long it is until the first of them ends, s, negative afterwards; None where none can be read."""
        ends = [end for file in self._files if (end := self._end(file)) is not None]
        return (min(ends) - (now or datetime.now(UTC))).total_seconds() if ends else None

    def _end(self, file: Path) -> datetime | None:
        try:
            status = file.stat()
            mark = (status.st_ino, status.st_size, status.st_mtime_ns)
            if file not in self._known or self._known[file][0] != mark:
                self._known[file] = mark, _read_end(file)
            return self._known[file][1]
        except OSError:
            return None


def _read_end(file: Path) -> datetime | None:
    try:
        return x509.load_pem_x509_certificate(file.read_bytes()).not_valid_after_utc
    except ValueError:
        return None
