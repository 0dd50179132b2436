"""This file defines anchor rows, against which blocks of few rows are written; it guards that an anchor never changes.

A block of one row has no row before it to differ from. An anchor is such a row, sent now and then instead of with
every block. It goes where schemas go, has an id as schemas have (the first 8 bytes of the SHA-256 of its JSON), and a
block that is written against it names that id in place of its schema's; so such a block stands alone as others do: its
anchor and the anchor's schema open it, no other block is needed. docs/reference/block.md.

Layout: ``{"version":2,"of":"<id of the schema, hex>","row":"<base64>"}``; in the base64 is a zstd frame with its
content size, in it a varint for each column: the zigzag of the anchor value.
"""

import binascii
import hashlib
from dataclasses import dataclass
from functools import cached_property

import msgspec
import zstandard

from isolane.wire import varint
from isolane.wire.schema import COLUMNS_MAX, ID_BYTES
from isolane.wire.varint import I64

VERSION = 2
_PACKED_BYTES_MAX = COLUMNS_MAX * 10
BEGINS = b'{"version":2,'
"""How the JSON of an anchor begins, and that of a schema does not."""
_LEVEL = 9


class _Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The JSON as it stands."""

    version: int
    of: str
    row: str


@dataclass(frozen=True, eq=False)
class Anchor:
    """One value for each column of a schema.

    Attributes:
        schema: Id of the schema, 8 bytes.
        row: Scaled integers, shape (columns,).
    """

    schema: bytes
    row: I64

    @cached_property
    def json(self) -> bytes:
        """The canonical JSON."""
        packed = zstandard.ZstdCompressor(level=_LEVEL).compress(varint.encode(varint.zigzag(self.row)))
        text = binascii.b2a_base64(packed, newline=False).decode()
        return msgspec.json.encode(_Form(VERSION, self.schema.hex(), text))

    @cached_property
    def id(self) -> bytes:
        """The 8-byte id."""
        return identity(self.json)


def identity(data: bytes) -> bytes:
    """Give the id of an anchor from its JSON as received."""
    return hashlib.sha256(data).digest()[:ID_BYTES]


def is_anchor(data: bytes) -> bool:
    """Tell whether a message of kind schema is an anchor; it may still be a damaged one."""
    return data.startswith(BEGINS)


def decode_anchor(data: bytes) -> tuple[bytes, Anchor]:
    """Read an anchor's JSON.

    Returns:
        Its id, by the bytes as they came (another compressor writes others), and the anchor.

    Raises:
        ValueError: It is not an anchor of version 2 within the bounds.
    """
    form = msgspec.json.decode(data, type=_Form)
    schema = bytes.fromhex(form.of)
    if form.version != VERSION or len(schema) != ID_BYTES:
        raise ValueError(f"an anchor of version {form.version} for schema {form.of!r}")
    packed = binascii.a2b_base64(form.row, strict_mode=True)
    try:
        size = zstandard.frame_content_size(packed)
        if not 0 < size <= _PACKED_BYTES_MAX:
            raise ValueError(f"an anchor of {size} bytes")
        body = zstandard.ZstdDecompressor().decompress(packed, max_output_size=size, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise ValueError(f"the anchor's zstd frame is damaged: {error}") from error
    row = varint.unzigzag(varint.decode(body))
    if not 0 < row.size <= COLUMNS_MAX:
        raise ValueError(f"an anchor of {row.size} columns")
    return identity(data), Anchor(schema, row)


def read_schema_id(data: bytes) -> bytes | None:
    """Give the id of the schema that an anchor belongs to, without opening it; None for what is no anchor."""
    try:
        return bytes.fromhex(msgspec.json.decode(data, type=_Form).of) if is_anchor(data) else None
    except ValueError:
        return None
