"""This file looks through a snapshot's file before a reader opens it; it guards that no file takes more than its share.

Gateways are not trusted. Records are walked, sizes and counts, and what each chunk grows to when it is unpacked have
bounds far above what a recorder writes. What is beyond them is not opened here, and can still be downloaded. What is
unpacked for that look is let go chunk by chunk.
"""

import struct
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

import msgspec
import zstandard
from mcap.opcode import Opcode

FILE_BYTES_MAX: Final = 64 << 20
OPENED_BYTES_MAX: Final = 64 << 20
"""Of all chunks, unpacked."""
_CHUNK_BYTES_MAX = 1 << 20
"""Of one, unpacked; a recorder's has 64 KiB."""
_SMALL_BYTES_MAX = 1 << 20
"""Of a record that is no chunk, and of all message indexes of one chunk."""
_RECORDS_MAX = 50_000
_MESSAGES_MAX = 120_000
_VALUES_MAX = 3_000_000
_NAMES_MAX = 20_000
"""Names that messages of a file have for their values."""
_MAGIC_BYTES = 8
_HEAD = struct.Struct("<BQ")
_CHUNK_HEAD = struct.Struct("<QQQII")
_MESSAGE_HEAD = struct.Struct("<HIQQ")


def inspect(data: bytes) -> None:
    """Walk a file's records without reading them.

    Raises:
        ValueError: It is larger, or grows larger, than any snapshot.
    """
    messages, values, names = 0, 0, defaultdict[int, set[str]](set)
    for content in inside(data):
        for channel, body in _messages(content):
            messages += 1
            try:
                told = msgspec.json.decode(body, type=dict[str, object])
            except (ValueError, RecursionError):
                continue
            values += len(told)
            names[channel].update(told)
        if messages > _MESSAGES_MAX or values > _VALUES_MAX or sum(map(len, names.values())) > _NAMES_MAX:
            raise ValueError("it tells more than any")


def inside(data: bytes) -> Iterator[bytes]:
    """Give what is in the chunks of a file, one after the other; one that no reader would open is left out.

    Raises:
        ValueError: It is larger, or grows larger, than any snapshot.
    """
    if len(data) > FILE_BYTES_MAX:
        raise ValueError("it is larger than what is opened here")
    at, records, unpacked, indexed = _MAGIC_BYTES, 0, 0, 0
    while at + _HEAD.size <= len(data):
        opcode, length = _HEAD.unpack_from(data, at)
        begin, at = at + _HEAD.size, at + _HEAD.size + length
        records += 1
        if at > len(data):
            return
        if opcode == Opcode.CHUNK:
            content = _unpacked(data[begin:at])
            unpacked, indexed = unpacked + len(content), 0
            yield content
        elif opcode == Opcode.MESSAGE_INDEX:
            indexed += length
        elif length > _SMALL_BYTES_MAX:
            raise ValueError("one of its records is larger than any")
        if indexed > _SMALL_BYTES_MAX or unpacked > OPENED_BYTES_MAX:
            raise ValueError("it grows larger than what is opened here")
        if records > _RECORDS_MAX:
            raise ValueError("it has more records than any")


def _unpacked(content: bytes) -> bytes:
    """Unpack a chunk; one that a reader will pass over is empty here."""
    if len(content) < _CHUNK_HEAD.size:
        return b""
    _, _, size, _, name_bytes = _CHUNK_HEAD.unpack_from(content)
    name_end = _CHUNK_HEAD.size + name_bytes
    compression, packed = content[_CHUNK_HEAD.size : name_end], content[name_end + 8 :]
    if size > _CHUNK_BYTES_MAX or len(packed) > _CHUNK_BYTES_MAX:
        raise ValueError("one of its chunks is larger than any")
    if compression == b"":
        return packed
    if compression != b"zstd":
        raise ValueError("it is packed in a way that no recorder uses")
    try:
        # What the frame says is what a reader would make room for, whatever the chunk says.
        if zstandard.frame_content_size(packed) > _CHUNK_BYTES_MAX:
            raise ValueError("one of its chunks grows larger than any")
        return zstandard.ZstdDecompressor().decompress(packed, max_output_size=_CHUNK_BYTES_MAX)
    except zstandard.ZstdError:
        return b""


def _messages(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Give channel and body of each message; records without a body count as messages too."""
    at = 0
    while at + _HEAD.size <= len(content):
        opcode, length = _HEAD.unpack_from(content, at)
        begin, at = at + _HEAD.size, at + _HEAD.size + length
        is_message = opcode == Opcode.MESSAGE and length >= _MESSAGE_HEAD.size
        channel = _MESSAGE_HEAD.unpack_from(content, begin)[0] if is_message and at <= len(content) else 0
        yield channel, content[begin + _MESSAGE_HEAD.size : at] if is_message else b""
