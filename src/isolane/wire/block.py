"""This file packs telemetry into blocks; it guards that what comes out is, sample for sample, what went in.

Constraints: a block stands alone (no block is needed to read another), is exact (samples are integers, value /
    resolution, or floats bit for bit), and costs about half a byte a sample at 60 rows. A stranger can write a reader
    from docs/reference/block.md; golden bytes are in tests/golden.

Layout::

    offset size   field
    0      3      magic        "ISB"
    3      1      version      1; 2 if it has an anchor or was thinned; 3 if a column is of floats
    4      1      flags        bit 0: the body is a zstd frame; versions 2 and 3 also have bit 1: written against an
                               anchor, bit 2: thinned; version 3 has bit 3: floats, and may have bit 4: these are in
                               planes; other bits 0
    5      4      crc          CRC-32C, little-endian, of bytes 0-4 followed by bytes 9 to the end
    9      8      schema       id of the schema whose columns these are; with bit 1 of the anchor
    17     4      gateway      first 4 bytes of SHA-256 of "site/gateway": finds a block that was routed wrongly
    21     varint epoch        start of the gateway's run, UTC ms, never used twice
           varint stream       number of the stream within the gateway
           varint sequence     number of the block within (epoch, stream), from 1, without holes
           varint t0           UTC ms of the first row
           varint step         ms from row to row
           varint rows
           varint columns
           varint size         bytes of the body when it is not compressed
           varint rung         only with bit 2: how it was thinned, `core.rungs.Rung`
           varint bound        only with bit 2: greatest error of a thinned sample, in steps of its resolution
           varint tail         only with bit 3: bytes of the float values at the body's end
           body                `wire.body`

A code is ``reason << 2 | quality``; a sample of quality BAD has no value. Differences wrap at 64 bits. After version 1
the zstd frame has neither magic nor content size. A column of floats, of a signal without a resolution, has bit
patterns for scaled integers: `wire.floats`.
"""

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass

import google_crc32c
import numpy as np
import zstandard

from isolane.core.rungs import Rung
from isolane.core.samples import Quality, Reason
from isolane.wire import body as bodies
from isolane.wire import varint
from isolane.wire.anchor import Anchor
from isolane.wire.schema import COLUMNS_MAX

I64 = varint.I64
U8 = bodies.U8
Mask = bodies.Mask
VERSION = 1
VERSION_2 = 2
VERSION_3 = 3
SAMPLES_MAX = 1 << 22
"""Four million samples: an hour of a thousand signals. It bounds what a hostile block can make a reader allocate."""
BODY_BYTES_MAX = SAMPLES_MAX * 11
BLOCK_BYTES_MAX = 1 << 20
"""1 MiB: well under a broker's packet limit, so that no block is ever refused for ever."""

_MAGIC = b"ISB"
_FIXED = struct.Struct("<3sBBI8s4s")
_ZSTD = 0x01
_ANCHORED = 0x02
_THINNED = 0x04
_FLOATS = 0x08
_PLANES = 0x10
_KNOWN_FLAGS = {
    VERSION: _ZSTD,
    VERSION_2: _ZSTD | _ANCHORED | _THINNED,
    VERSION_3: _ZSTD | _ANCHORED | _THINNED | _FLOATS | _PLANES,
}
_HEADER_VARINTS = 8
_HEADER_BITS_MAX = 63
"""Nine groups of seven bits, so that every header number fits a signed 64-bit integer."""
_LEVEL = 9
"""zstd level: 9 costs 40 us for a 60-row block and saves 4 % against 3; above it nothing is gained at these sizes."""
_BARE = zstandard.ZstdCompressionParameters.from_level(
    _LEVEL, format=zstandard.FORMAT_ZSTD1_MAGICLESS, write_content_size=False
)
_NO_ANCHORS: Mapping[bytes, Anchor] = {}


class AnchorWantedError(ValueError):
    """A block was written against an anchor that is not at hand; it can be asked for.

    Args:
        identity: Its id.
    """

    def __init__(self, identity: bytes) -> None:
        super().__init__(f"anchor {identity.hex()} is not known")
        self.identity = identity


def code(quality: Quality, reason: Reason = Reason.NONE) -> int:
    """Give the quality code of a sample."""
    return int(reason) << 2 | int(quality)


def quality_of(sample_code: int) -> tuple[Quality, Reason]:
    """Undo `code`.

    Raises:
        ValueError: No quality or reason has that number.
    """
    return Quality(sample_code & 3), Reason(sample_code >> 2)


@dataclass(frozen=True, slots=True)
class BlockKey:
    """What names a block for ever: ingest is idempotent on it, together with the gateway."""

    epoch: int
    stream: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Thinned:
    """How a block was thinned.

    Attributes:
        rung: How.
        bound: Greatest error of a thinned sample, in steps of its signal's resolution.
        held: The columns whose thinned samples are the value before them, not a point on a line; shape (columns,).
    """

    rung: Rung
    bound: int
    held: Mask


@dataclass(frozen=True, slots=True)
class Block:
    """Rows of all signals of one schema.

    Attributes:
        key: See `BlockKey`.
        schema: Id of the schema, 8 bytes.
        t0_ms: UTC of the first row, ms.
        step_ms: From row to row, ms.
        values: Scaled integers, shape (columns, rows), or bit patterns of floats; 0 where the code says BAD.
        codes: Quality codes, same shape.
        thinned: How it was thinned, if it was; samples with the reason THINNED are within its bound.
        floats: The columns of floats, shape (columns,): those of signals without a resolution. None if there are none.
    """

    key: BlockKey
    schema: bytes
    t0_ms: int
    step_ms: int
    values: I64
    codes: U8
    thinned: Thinned | None = None
    floats: Mask | None = None

    @property
    def samples(self) -> int:
        """How many samples the block carries, BAD ones included and thinned ones not."""
        return int(self.values.size) - (0 if self.thinned is None else thinned_away(self.codes))


@dataclass(frozen=True, slots=True)
class Head:
    """What stands before a block's body.

    Attributes:
        key: See `BlockKey`.
        schema: Id of its schema or, if it is anchored, of its anchor.
        is_anchored: Whether it was written against an anchor.
    """

    key: BlockKey
    schema: bytes
    is_anchored: bool


def thinned_away(codes: U8) -> int:
    """Count the samples that were thinned away."""
    return int(np.count_nonzero(codes >> 2 == Reason.THINNED))


def gateway_tag(site: str, gateway: str) -> bytes:
    """Give the 4 bytes by which a block names its gateway."""
    return hashlib.sha256(f"{site}/{gateway}".encode()).digest()[:4]


def encode(block: Block, tag: bytes, anchor: Anchor | None = None) -> bytes:
    """Pack a block.

    Args:
        block: At least one row and one column, at most SAMPLES_MAX samples.
        tag: From `gateway_tag`.
        anchor: What to write it against; of the same schema.

    Raises:
        ValueError: Shapes differ, or a bound is not held.
    """
    if block.values.shape != block.codes.shape or not 0 < block.values.size <= SAMPLES_MAX:
        raise ValueError(f"a block of shape {block.values.shape} with codes of shape {block.codes.shape}")
    columns, rows = block.values.shape
    if columns > COLUMNS_MAX:
        raise ValueError(f"a block of {columns} columns")
    if anchor is not None and (anchor.row.size != columns or anchor.schema != block.schema):
        raise ValueError("a block with the anchor of another schema")
    if block.floats is not None and (block.floats.shape != (columns,) or not block.floats.any()):
        raise ValueError("a block whose columns of floats are none of its own")
    bodies.check_codes(block.codes)
    flags, packed, size, tail = _pack(block, anchor)
    thinned, key = block.thinned, block.key
    numbers = [key.epoch, key.stream, key.sequence, block.t0_ms, block.step_ms, rows, columns, size]
    numbers += [] if thinned is None else [thinned.rung, thinned.bound]
    if min(numbers) < 0 or max(numbers) >> _HEADER_BITS_MAX or not key.sequence or not block.step_ms:
        raise ValueError(f"a block with the header {numbers}")
    numbers += [] if tail is None else [tail]
    schema = block.schema if anchor is None else anchor.id
    version = VERSION if not flags & ~_ZSTD else VERSION_2 if tail is None else VERSION_3
    rest = schema + tag + varint.encode(np.array(numbers, np.uint64)) + packed
    crc = google_crc32c.extend(google_crc32c.value(_MAGIC + bytes((version, flags))), rest)
    return _FIXED.pack(_MAGIC, version, flags, crc, schema, tag) + rest[12:]


def _pack(block: Block, anchor: Anchor | None) -> tuple[int, bytes, int, int | None]:
    """Pack a body; give flags, its bytes, their number before compression, and how many of these are float values."""
    row = None if anchor is None else anchor.row
    held = None if block.thinned is None else block.thinned.held
    flags = (_ANCHORED if anchor else 0) | (_THINNED if block.thinned else 0)
    if block.floats is None:
        body = bodies.encode(block.values, block.codes, row, held)
        packed, is_packed = _compressed(body, _compressor(VERSION_2 if flags else VERSION))
        return flags | is_packed, packed, len(body), None
    ways = []
    for planes in (0, _PLANES):
        body, tail = bodies.encode_floats(block.values, block.codes, row, held, block.floats, planes=bool(planes))
        packed, is_packed = _compressed(body, _compressor(VERSION_3))
        ways.append((flags | _FLOATS | planes | is_packed, packed, len(body), tail))
    return min(ways, key=lambda way: len(way[1]))


def _compressed(body: bytes, compressor: zstandard.ZstdCompressor) -> tuple[bytes, int]:
    """Give the shorter of a body and its zstd frame, and the flag that tells which it is."""
    packed = compressor.compress(body)
    return (packed, _ZSTD) if len(packed) < len(body) else (body, 0)


def _compressor(version: int) -> zstandard.ZstdCompressor:
    if version == VERSION:
        return zstandard.ZstdCompressor(level=_LEVEL)
    return zstandard.ZstdCompressor(compression_params=_BARE)


def read_head(data: bytes, tag: bytes | None = None) -> Head:
    """Check a block's checksum and read what stands before its body.

    Raises:
        ValueError: It is damaged, of another version or of another gateway.
    """
    _, flags, schema = _fixed(data, tag)
    numbers, _ = _header_numbers(data, _HEADER_VARINTS)
    return Head(BlockKey(*numbers[:3]), schema, bool(flags & _ANCHORED))


def decode(data: bytes, tag: bytes | None = None, anchors: Mapping[bytes, Anchor] = _NO_ANCHORS) -> Block:
    """Unpack a block.

    Args:
        data: One whole block.
        tag: If given, the gateway it must come from.
        anchors: By id; a block written against one comes back with the schema of its anchor.

    Raises:
        AnchorWantedError: Its anchor is not among them.
        ValueError: It is not a whole, undamaged block of a known version within the bounds, or of another gateway.
    """
    version, flags, schema = _fixed(data, tag)
    is_thinned, has_floats = bool(flags & _THINNED), bool(flags & _FLOATS)
    numbers, body_at = _header_numbers(data, _HEADER_VARINTS + 2 * is_thinned + has_floats)
    epoch, stream, sequence, t0_ms, step_ms, rows, columns, size = numbers[:_HEADER_VARINTS]
    if not (rows and columns and step_ms and sequence) or columns > COLUMNS_MAX:
        raise ValueError(f"a block of {columns} columns and {rows} rows")
    if rows * columns > SAMPLES_MAX or size > BODY_BYTES_MAX:
        raise ValueError(f"a block of {columns} columns and {rows} rows")
    anchor = None
    if flags & _ANCHORED:
        anchor = anchors.get(schema)
        if anchor is None:
            raise AnchorWantedError(schema)
        if anchor.row.size != columns:
            raise ValueError(f"a block of {columns} columns with an anchor of {anchor.row.size}")
    body = _inflate(data[body_at:], size, version) if flags & _ZSTD else data[body_at:]
    if len(body) != size:
        raise ValueError(f"a body of {len(body)} bytes instead of {size}")
    row, tail = None if anchor is None else anchor.row, numbers[-1] if has_floats else None
    shape = bodies.Shape(columns, rows, row, is_thinned, tail, bool(flags & _PLANES))
    values, codes = bodies.decode(body, shape)
    thinned = Thinned(Rung(numbers[8]), numbers[9], bodies.held(body, columns)) if is_thinned else None
    floats = bodies.floats(body, columns) if has_floats else None
    key = BlockKey(epoch, stream, sequence)
    schema = schema if anchor is None else anchor.schema
    return Block(key, schema, t0_ms, step_ms, values, codes, thinned, floats)


def _fixed(data: bytes, tag: bytes | None) -> tuple[int, int, bytes]:
    """Check what can be checked without the rest; give version, flags and schema."""
    if len(data) < _FIXED.size or len(data) > BLOCK_BYTES_MAX:
        raise ValueError(f"a block of {len(data)} bytes")
    magic, version, flags, crc, schema, told = _FIXED.unpack_from(data)
    if magic != _MAGIC or flags & ~_KNOWN_FLAGS.get(version, 0) or version not in _KNOWN_FLAGS:
        raise ValueError("not a telemetry block of version 1, 2 or 3")
    if (version == VERSION_3) != bool(flags & _FLOATS):
        raise ValueError("a block of version 3 without floats")
    if google_crc32c.extend(google_crc32c.value(data[:5]), data[9:]) != crc:
        raise ValueError("the block's CRC-32C does not fit its bytes")
    if tag is not None and told != tag:
        raise ValueError("the block is of another gateway")
    return version, flags, schema


def _header_numbers(data: bytes, count: int) -> tuple[list[int], int]:
    at = _FIXED.size
    numbers = []
    for _ in range(count):
        number, shift, more = 0, 0, True
        while more:
            if at == len(data) or shift == _HEADER_BITS_MAX:
                raise ValueError("the block's header is cut")
            number |= (data[at] & 0x7F) << shift
            more = data[at] > 0x7F  # noqa: PLR2004 - the varint's continuation bit
            shift, at = shift + 7, at + 1
        numbers.append(number)
    return numbers, at


def _inflate(packed: bytes, size: int, version: int) -> bytes:
    try:
        if version != VERSION:
            # Believed by the decompressor before anything is checked, it would be memory of the sender's choosing.
            if zstandard.frame_content_size(zstandard.FRAME_HEADER + packed) >= 0:
                raise ValueError("the zstd frame says a content size")
            bare = zstandard.ZstdDecompressor(format=zstandard.FORMAT_ZSTD1_MAGICLESS)
            return bare.decompress(packed, max_output_size=size, allow_extra_data=False)
        if zstandard.frame_content_size(packed) != size:
            raise ValueError("the zstd frame says another size than the block")
        return zstandard.ZstdDecompressor().decompress(packed, max_output_size=size, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise ValueError(f"the block's zstd frame is damaged: {error}") from error
