r"""This file reads and writes the ring's files; it guards that damage costs the records it hits, no more.

Constraints: a file is only ever appended to, and stands alone: the schema of a block is before it in the same file.

Layout, records one behind the other::

    offset size field
    0      4    mark    "\xf1ISR"
    4      4    crc     CRC-32C, little-endian as all numbers, of bytes 8 to the record's end
    8      1    kind    1 schema, 2 block, 3 events, 4 log lines, 5 states
    9      4    size    bytes of the body
    13     8    from    UTC ms of what is first in it; of a schema 0
    21     8    to      UTC ms after what is last in it; of a schema 0
    29          body    a schema as it is sent (`wire.schema.packed`), a block (`wire.block`), or a zstd frame with its
                        content size of a JSON list (`records`)

Operation: a reader looks for a mark, takes the record if it fits its checksum, and goes on behind it; otherwise it
looks for the next mark. So a record that was cut by a kill or a power cut is passed over.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import google_crc32c
import zstandard

_NAME = re.compile(r"([0-9]{12})-([0-9]{15})\.ring")
_MARK = b"\xf1ISR"
_CRC = struct.Struct("<I")
_REST = struct.Struct("<BIqq")
_HEAD_BYTES = len(_MARK) + _CRC.size + _REST.size
_TEXT_BYTES_MAX = 1 << 24
_LEVEL = 3


class Kind(IntEnum):
    """What a record holds."""

    SCHEMA = 1
    BLOCK = 2
    EVENTS = 3
    LOG = 4
    STATES = 5


@dataclass(frozen=True, slots=True)
class Record:
    """One record.

    Attributes:
        kind: What it holds.
        from_ms: UTC of what is first in it, ms.
        to_ms: UTC after what is last in it, ms.
        body: See the top of this file.
    """

    kind: int
    from_ms: int
    to_ms: int
    body: bytes

    def encode(self) -> bytes:
        """Give its bytes."""
        rest = _REST.pack(self.kind, len(self.body), self.from_ms, self.to_ms) + self.body
        return _MARK + _CRC.pack(google_crc32c.value(rest)) + rest


def pack_text(json: bytes) -> bytes:
    """Give the body of a record of JSON."""
    return zstandard.ZstdCompressor(level=_LEVEL).compress(json)


def unpack_text(body: bytes) -> bytes:
    """Undo `pack_text`.

    Raises:
        ValueError: It is not one, or too large.
    """
    try:
        size = zstandard.frame_content_size(body)
        if not 0 <= size <= _TEXT_BYTES_MAX:
            raise ValueError(f"a record of {size} bytes")
        return zstandard.ZstdDecompressor().decompress(body, max_output_size=size, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise ValueError(f"the record's zstd frame is damaged: {error}") from error


def name(number: int, born_ms: int) -> str:
    """Give the name of the file with that number, begun at that time of the ring's running."""
    return f"{number:012d}-{born_ms:015d}.ring"


def segments(folder: Path) -> list[tuple[int, int, Path]]:
    """Give the files of a folder, the oldest first, each with what its name tells; none if there is no folder.

    Raises:
        OSError: It cannot be read.
    """
    if not folder.exists():
        return []
    told = ((_NAME.fullmatch(path.name), path) for path in folder.iterdir())
    return sorted((int(found[1]), int(found[2]), path) for found, path in told if found is not None)


def records(data: bytes) -> Iterator[Record]:
    """Give the whole records of a file, in their order."""
    at = 0
    while (at := data.find(_MARK, at)) >= 0:
        record = _whole(data, at)
        if record is None:
            at += 1
            continue
        yield record
        at += _HEAD_BYTES + len(record.body)


def _whole(data: bytes, at: int) -> Record | None:
    if len(data) < at + _HEAD_BYTES:
        return None
    (crc,) = _CRC.unpack_from(data, at + len(_MARK))
    rest_at = at + len(_MARK) + _CRC.size
    kind, size, from_ms, to_ms = _REST.unpack_from(data, rest_at)
    end = at + _HEAD_BYTES + size
    if len(data) < end or google_crc32c.value(data[rest_at:end]) != crc:
        return None
    return Record(kind, from_ms, to_ms, data[at + _HEAD_BYTES : end])
