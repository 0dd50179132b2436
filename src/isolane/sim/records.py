"""This file appends records as JSON lines and reads them back; it guards that no reader sees half a file."""

import datetime as dt
from io import TextIOWrapper
from pathlib import Path
from typing import TypeVar

import msgspec

from isolane.core.failures import IsolaneError

Record = TypeVar("Record", bound=msgspec.Struct)


class RecordFile:
    """A file of JSON lines, open for appending; each line is flushed at once.

    Args:
        path: The file; made with its folder when absent.

    Raises:
        IsolaneError: It cannot be written.
    """

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: TextIOWrapper = path.open("a", encoding="utf-8")
        except OSError as error:
            raise IsolaneError(f"cannot write {path}: {error.strerror}", "choose another path") from error

    def append(self, record: msgspec.Struct) -> None:
        """Write one line."""
        self._file.write(msgspec.json.encode(record).decode() + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_records(path: Path, kind: type[Record]) -> list[Record]:
    """Read a file of JSON lines; an absent file has none.

    Raises:
        IsolaneError: A line is not of that kind.
    """
    if not path.exists():
        return []
    records: list[Record] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            records.append(msgspec.json.decode(line, type=kind))
        except msgspec.DecodeError as error:
            raise IsolaneError(f"{path}, line {number}: {error}", "the file is damaged; move it away") from error
    return records


def replace_file(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_bytes(content)
    fresh.replace(path)


def utc_now() -> str:
    """Give the time of day as OCPP writes it."""
    return dt.datetime.now(tz=dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
