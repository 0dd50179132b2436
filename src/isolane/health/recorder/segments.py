r"""This file says what the ring's files hold; it guards that text in them is bounded when it is opened.

Constraints: files of `wire.records`. A file stands alone: the schema of a block is before it in the same file. The body
of a record is a schema as it is sent (`wire.schema.packed`), a block (`wire.block`), or a zstd frame with its content
size of a JSON list (`facts`).
"""

from enum import IntEnum
from typing import Final

import zstandard

from isolane.wire.records import Records

FILES: Final = Records(b"\xf1ISR", "ring")
_TEXT_BYTES_MAX = 1 << 24
_LEVEL = 3


class Kind(IntEnum):
    """What a record holds."""

    SCHEMA = 1
    BLOCK = 2
    EVENTS = 3
    LOG = 4
    STATES = 5


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
