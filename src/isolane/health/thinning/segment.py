r"""This file reads and writes files of blocks at full rate; it guards that each of them stands alone.

Constraints: files of `wire.records`; the schema of a block is before it in the same file. The body of a record is a
schema as it is sent (`wire.schema.packed`), or a block (`wire.block`) without an anchor.
"""

import logging
from collections.abc import Callable, Collection, Generator, Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Final

from isolane.wire.block import Block, decode
from isolane.wire.records import Record, Records
from isolane.wire.schema import Schema, decode_schema, packed

_LOG = logging.getLogger(__name__)
FILES: Final = Records(b"\xf1ISK", "kept")

Damaged = Callable[[Path, int], None]


class _Kind(IntEnum):
    SCHEMA = 1
    BLOCK = 2


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
    return FILES.encode(Record(_Kind.SCHEMA, 0, 0, packed(schema.json)))


def block_record(data: bytes, from_ms: int, to_ms: int) -> bytes:
    """Give what holds an encoded block of rows from `from_ms` to before `to_ms`, UTC ms."""
    return FILES.encode(Record(_Kind.BLOCK, from_ms, to_ms, data))


def first_ms(path: Path) -> int | None:
    """Give the UTC ms of the first row in a file by its records' heads; None if they do not tell.

    Raises:
        OSError: It cannot be read.
    """
    return next((from_ms for kind, from_ms, _ in FILES.heads(path) if kind == _Kind.BLOCK), None)


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
    for _, _, path in FILES.files(folder):
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
    for record in FILES.read(data):
        whole += record.size
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
