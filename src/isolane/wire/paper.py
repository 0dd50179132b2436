"""This file defines a paper: anything a gateway tells beside samples; it guards that it is whole and counted.

A change of a part's level, a snapshot's index card and body, a command's receipt: each is a paper. It waits in the
outbox beside blocks, has a number of its own in a stream of its own, and leaves when the center acknowledges it by that
number; so a paper too is lost only with a gap record. What its body means, its kind says; see docs/reference/papers.md.

Layout, lengths in bytes, numbers big-endian:

    offset  length
    0       4      ``ISP`` 0x01
    4       4      CRC-32C of bytes 0 to 3 and 8 to the end
    8       4      tag of the gateway, as in a block
    12      8      epoch
    20      4      stream
    24      8      sequence, from 1, without holes
    32      8      UTC at which it was written, ms
    40      1      length of the kind, 1 to 32
    41      n      kind, lower-case letters, digits and ``-``
    41 + n         body, at most 512 KiB
"""

import re
import struct
from dataclasses import dataclass

import google_crc32c

from isolane.wire.block import BlockKey

MAGIC = b"ISP\x01"
PAPERS = 15
"""Number of the stream of papers in every epoch."""
BODY_BYTES_MAX = 512 << 10
_FIXED = struct.Struct(">4sI4sQIQQB")
_KIND = re.compile(rb"[a-z][a-z0-9-]{0,31}")
_COVERED_FROM = 8
_NUMBER_MAX = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Paper:
    """One paper.

    Attributes:
        key: Its number.
        at_ms: UTC at which it was written, ms.
        kind: What the body is.
        body: Up to 512 KiB.
    """

    key: BlockKey
    at_ms: int
    kind: str
    body: bytes


def is_paper(data: bytes) -> bool:
    """Tell whether bytes begin as a paper does."""
    return data.startswith(MAGIC)


def encode_paper(paper: Paper, tag: bytes) -> bytes:
    """Give a paper's bytes.

    Args:
        paper: What to write.
        tag: From `wire.block.gateway_tag`.

    Raises:
        ValueError: Kind or body is not what the layout can hold.
    """
    kind = paper.kind.encode()
    if not _KIND.fullmatch(kind):
        raise ValueError(f"{paper.kind!r} is no kind of paper")
    if len(paper.body) > BODY_BYTES_MAX:
        raise ValueError(f"a paper of {len(paper.body)} bytes")
    key = paper.key
    head = _FIXED.pack(MAGIC, 0, tag, key.epoch, key.stream, key.sequence, paper.at_ms, len(kind))
    return head[:4] + _crc(head, kind + paper.body).to_bytes(4, "big") + head[_COVERED_FROM:] + kind + paper.body


def read_key(data: bytes) -> BlockKey:
    """Read the number of a paper that is whole and one's own.

    Raises:
        ValueError: It is too short for one.
    """
    if len(data) < _FIXED.size:
        raise ValueError(f"{len(data)} bytes are no paper")
    _, _, _, epoch, stream, sequence, _, _ = _FIXED.unpack_from(data)
    return BlockKey(epoch, stream, sequence)


def decode_paper(data: bytes, tag: bytes) -> Paper:
    """Read a paper.

    Args:
        data: Bytes of anybody's choosing.
        tag: Of the gateway that it has to be from.

    Raises:
        ValueError: It is none, damaged, of another release or of another gateway.
    """
    if len(data) < _FIXED.size:
        raise ValueError(f"{len(data)} bytes are no paper")
    magic, crc, told, epoch, stream, sequence, at_ms, length = _FIXED.unpack_from(data)
    if magic != MAGIC:
        raise ValueError("no paper, or one of another release")
    if _crc(data[: _FIXED.size], data[_FIXED.size :]) != crc:
        raise ValueError("a paper that does not fit its checksum")
    if told != tag:
        raise ValueError("a paper of another gateway")
    kind, body = data[_FIXED.size : _FIXED.size + length], data[_FIXED.size + length :]
    if not _KIND.fullmatch(kind) or len(body) > BODY_BYTES_MAX:
        raise ValueError("a paper without a kind, or one that is too long")
    if not 0 < sequence <= _NUMBER_MAX or max(epoch, at_ms) > _NUMBER_MAX:
        raise ValueError("a paper with a number that cannot be")
    return Paper(BlockKey(epoch, stream, sequence), at_ms, kind.decode(), body)


def _crc(head: bytes, rest: bytes) -> int:
    crc = google_crc32c.extend(google_crc32c.value(head[:4]), head[_COVERED_FROM:])
    return int(google_crc32c.extend(crc, rest))
