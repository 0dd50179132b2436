r"""This file reads and writes files of records; it guards that damage costs the records it hits, no more.

Constraints: such a file is only ever appended to. A reader needs no index and no writer's consent, also while the file
grows or goes.

Layout, records one behind the other::

    offset size field
    0      4    mark    of this kind of file, its first byte 0xf1
    4      4    crc     CRC-32C, little-endian as all numbers, of bytes 8 to the record's end
    8      1    kind    what the body is, as the file's owner says
    9      4    size    bytes of the body
    13     8    from    UTC ms of what is first in it; 0 where it has no time
    21     8    to      UTC ms after what is last in it; 0 where it has no time
    29          body

Operation: a reader looks for a mark, takes the record if it fits its checksum, and goes on behind it; otherwise it
looks for the next mark. So a record that was cut by a kill or a power cut is passed over. Files of a folder are named
``NUMBER-BORN.ENDING``: their count, and the ms of their writer's running at which they were begun.
"""

import os
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import google_crc32c

_CRC = struct.Struct("<I")
_REST = struct.Struct("<BIqq")
_MARK_BYTES = 4
_HEAD_BYTES = _MARK_BYTES + _CRC.size + _REST.size


@dataclass(frozen=True, slots=True)
class Record:
    """One record.

    Attributes:
        kind: What it holds, 0 to 255.
        from_ms: UTC of what is first in it, ms.
        to_ms: UTC after what is last in it, ms.
        body: See whose file it is.
    """

    kind: int
    from_ms: int
    to_ms: int
    body: bytes

    @property
    def size(self) -> int:
        """Bytes it takes in a file."""
        return _HEAD_BYTES + len(self.body)


class Records:
    """One kind of file of records.

    Args:
        mark: Before each record, 4 bytes.
        ending: Of the files' names, without a dot.
    """

    def __init__(self, mark: bytes, ending: str) -> None:
        self._mark = mark
        self._ending = ending
        self._named = re.compile(rf"([0-9]{{12}})-([0-9]{{15}})\.{re.escape(ending)}")

    def encode(self, record: Record) -> bytes:
        """Give a record's bytes."""
        rest = _REST.pack(record.kind, len(record.body), record.from_ms, record.to_ms) + record.body
        return self._mark + _CRC.pack(google_crc32c.value(rest)) + rest

    def read(self, data: bytes) -> Iterator[Record]:
        """Give the whole records of a file, in their order."""
        at = 0
        while (at := data.find(self._mark, at)) >= 0:
            record = _whole(data, at)
            if record is None:
                at += 1
                continue
            yield record
            at += record.size

    def heads(self, path: Path) -> Iterator[tuple[int, int, int]]:
        """Give kind, `from_ms` and `to_ms` of a file's records up to the first damage, without reading their bodies.

        Raises:
            OSError: It cannot be read.
        """
        with path.open("rb") as file:
            while (head := file.read(_HEAD_BYTES)).startswith(self._mark) and len(head) == _HEAD_BYTES:
                kind, size, from_ms, to_ms = _REST.unpack_from(head, _MARK_BYTES + _CRC.size)
                yield kind, from_ms, to_ms
                file.seek(size, os.SEEK_CUR)

    def name(self, number: int, born_ms: int) -> str:
        """Give the name of the file with that number, begun at that time of its writer's running."""
        return f"{number:012d}-{born_ms:015d}.{self._ending}"

    def files(self, folder: Path) -> list[tuple[int, int, Path]]:
        """Give the files of a folder, the oldest first, each with what its name tells; none if there is no folder.

        Raises:
            OSError: It cannot be read.
        """
        if not folder.exists():
            return []
        told = ((self._named.fullmatch(path.name), path) for path in folder.iterdir())
        return sorted((int(found[1]), int(found[2]), path) for found, path in told if found is not None)


def _whole(data: bytes, at: int) -> Record | None:
    """Give the record at a place if all of it is there and fits its checksum."""
    if len(data) < at + _HEAD_BYTES:
        return None
    (crc,) = _CRC.unpack_from(data, at + _MARK_BYTES)
    rest_at = at + _MARK_BYTES + _CRC.size
    kind, size, from_ms, to_ms = _REST.unpack_from(data, rest_at)
    end = at + _HEAD_BYTES + size
    if len(data) < end or google_crc32c.value(data[rest_at:end]) != crc:
        return None
    return Record(kind, from_ms, to_ms, data[at + _HEAD_BYTES : end])
