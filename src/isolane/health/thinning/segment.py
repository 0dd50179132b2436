r"""This file reads and writes files of blocks at full rate; it guards that damage costs the records it hits, no more.

Constraints: a file is only ever appended to, so what is in it stays as it is. It stands alone: the schema of a block is
before it in the same file. A reader needs no index and no writer's consent, also while the file grows or goes.

Layout, records one behind the other::

    offset size field
    0      4    mark    "\xf1ISK"
    4      4    crc     CRC-32C, little-endian as all numbers, of bytes 8 to the record's end
    8      1    kind    1: a schema as it is sent (`wire.schema.packed`); 2: a block (`wire.block`), without an anchor
    9      4    size    bytes of the body
    13     8    from    of a block: UTC ms of its first row; of a schema 0
    21     8    to      of a block: UTC ms after its last row; of a schema 0
    29          body

Operation: a reader looks for a mark, takes the record if it fits its checksum, and goes on behind it; otherwise it
looks for the next mark. So a record that was cut by a kill or a power cut is passed over.
"""

import logging
import os
import re
import struct
from collections.abc import Callable, Collection, Generator, Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import google_crc32c

from isolane.wire.block import Block, decode
from isolane.wire.schema import Schema, decode_schema, packed

_LOG = logging.getLogger(__name__)
_NAME = re.compile(r"([0-9]{12})-([0-9]{15})\.kept")
_MARK = b"\xf1ISK"
_CRC = struct.Struct("<I")
_REST = struct.Struct("<BIqq")
_HEAD_BYTES = len(_MARK) + _CRC.size + _REST.size


Damaged = Callable[[Path, int], None]


class _Kind(IntEnum):
    SCHEMA = 1
    BLOCK = 2


@dataclass(frozen=True, slots=True)
class _Record:
    kind: int
    from_ms: int
    to_ms: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which blocks are asked for.

    Attributes:
        from_ms: UTC ms; a block that ends before it, or just there, is not wanted.
        to_ms: UTC ms; a block that begins there or later is not wanted.
        stream: Number of the stream; None for all.
        signals: (charger, key) of signals of which a block must have one; None for any.
    """

    from_ms: int = 0
    to_ms: int = (1 << 63) - 1
    stream: int | None = None
    signals: Collection[tuple[str, str]] | None = None

    def has(self, schema: Schema, block: Block) -> bool:
        """Tell whether a block within the time is wanted."""
        if self.stream is not None and block.key.stream != self.stream:
            return False
        return self.signals is None or any((column.charger, column.key) in self.signals for column in schema.columns)


ALL = Wanted()


def schema_record(schema: Schema) -> bytes:
    """Give what says what the columns of blocks are."""
    return _record(_Kind.SCHEMA, 0, 0, packed(schema.json))


def block_record(data: bytes, from_ms: int, to_ms: int) -> bytes:
    """Give what holds an encoded block of rows from `from_ms` to before `to_ms`, UTC ms."""
    return _record(_Kind.BLOCK, from_ms, to_ms, data)


def first_ms(path: Path) -> int | None:
    """Give the UTC ms of the first row in a file by its records' heads; None if they do not tell.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        while (head := file.read(_HEAD_BYTES)).startswith(_MARK) and len(head) == _HEAD_BYTES:
            kind, size, from_ms, _ = _REST.unpack_from(head, len(_MARK) + _CRC.size)
            if kind == _Kind.BLOCK:
                return int(from_ms)
            file.seek(size, os.SEEK_CUR)
    return None


def name(number: int, born_ms: int) -> str:
    """Give the name of the file with that number, begun at that time of its writer's running."""
    return f"{number:012d}-{born_ms:015d}.kept"


def segments(folder: Path) -> list[tuple[int, int, Path]]:
    """Give the files of a folder, the oldest first, each with what its name tells; none if there is no folder.

    Raises:
        OSError: It cannot be read.
    """
    if not folder.exists():
        return []
    told = ((_NAME.fullmatch(path.name), path) for path in folder.iterdir())
    return sorted((int(found[1]), int(found[2]), path) for found, path in told if found is not None)


def passed_over(path: Path, size: int) -> None:
    """Say that so many bytes of a file are damaged."""
    _LOG.warning("kept-damaged file=%s bytes=%d", path, size)


def read(folder: Path, wanted: Wanted = ALL, damaged: Damaged = passed_over) -> Iterator[tuple[Schema, Block]]:
    """Give the blocks at full rate that a folder has, in the order they were made, with their schemas.

    Args:
        folder: Of a gateway's ring, running or not.
        wanted: Which of them.
        damaged: Told of each file with damage, and how many of its bytes were passed over.

    Raises:
        OSError: A file is there and cannot be read.
    """
    schemas: dict[bytes, Schema] = {}
    for _, _, path in segments(folder):
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            continue  # given up in the meantime
        whole = yield from _of_segment(data, wanted, schemas)
        if whole < len(data):
            damaged(path, len(data) - whole)


def _of_segment(
    data: bytes, wanted: Wanted, schemas: dict[bytes, Schema]
) -> Generator[tuple[Schema, Block], None, int]:
    """Give the blocks of a file; return how many of its bytes are whole."""
    whole = 0
    for record in _records(data):
        whole += _HEAD_BYTES + len(record.body)
        try:
            if record.kind == _Kind.SCHEMA:
                schema = decode_schema(record.body)
                schemas[schema.id] = schema
            elif record.kind == _Kind.BLOCK and record.from_ms < wanted.to_ms and record.to_ms > wanted.from_ms:
                block = decode(record.body)
                found = schemas.get(block.schema)
                if found is not None and wanted.has(found, block):
                    yield found, block
        except ValueError:
            continue  # whole, and not of a version known here
    return whole


def _record(kind: _Kind, from_ms: int, to_ms: int, body: bytes) -> bytes:
    rest = _REST.pack(kind, len(body), from_ms, to_ms) + body
    return _MARK + _CRC.pack(google_crc32c.value(rest)) + rest


def _records(data: bytes) -> Iterator[_Record]:
    at = 0
    while (at := data.find(_MARK, at)) >= 0:
        record = _whole(data, at)
        if record is None:
            at += 1
            continue
        yield record
        at += _HEAD_BYTES + len(record.body)


def _whole(data: bytes, at: int) -> _Record | None:
    """Give the record at a place if all of it is there and fits its checksum."""
    if len(data) < at + _HEAD_BYTES:
        return None
    (crc,) = _CRC.unpack_from(data, at + len(_MARK))
    rest_at = at + len(_MARK) + _CRC.size
    kind, size, from_ms, to_ms = _REST.unpack_from(data, rest_at)
    end = at + _HEAD_BYTES + size
    if len(data) < end or google_crc32c.value(data[rest_at:end]) != crc:
        return None
    return _Record(kind, from_ms, to_ms, data[at + _HEAD_BYTES : end])
