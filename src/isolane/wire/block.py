"""This file packs telemetry into blocks; it guards that what comes out is, sample for sample, what went in.

Constraints: a block stands alone (no block is needed to read another), is exact (samples are integers, value /
    resolution), and costs about half a byte a sample at 60 rows. A stranger can write a reader from
    docs/reference/block.md; golden bytes are in tests/golden.

Layout::

    offset size   field
    0      3      magic        "ISB"
    3      1      version      1
    4      1      flags        bit 0: the body is a zstd frame; other bits 0
    5      4      crc          CRC-32C, little-endian, of bytes 0-4 followed by bytes 9 to the end
    9      8      schema       id of the schema whose columns these are
    17     4      gateway      first 4 bytes of SHA-256 of "site/gateway": finds a block that was routed wrongly
    21     varint epoch        start of the gateway's run, UTC ms, never used twice
           varint stream       number of the stream within the gateway
           varint sequence     number of the block within (epoch, stream), from 1, without holes
           varint t0           UTC ms of the first row
           varint step         ms from row to row
           varint rows
           varint columns
           varint size         bytes of the body when it is not compressed
           body

    body   columns x 1 byte    control: bit 0, quality runs follow; bit 1, the column is constant
           varints             for each column with bit 0: number of runs, then (rows, code) a run
           varints             for each column its values: zigzag of the first, then of each difference;
                               of a constant column only the first, of one without any value nothing

A code is ``reason << 2 | quality``; a sample of quality BAD has no value. Differences wrap at 64 bits.
"""

import hashlib
import struct
from dataclasses import dataclass

import google_crc32c
import numpy as np
import zstandard
from numpy.typing import NDArray

from isolane.core.samples import Quality, Reason
from isolane.wire import varint

VERSION = 1
SAMPLES_MAX = 1 << 22
"""Four million samples: an hour of a thousand signals. It bounds what a hostile block can make a reader allocate."""
BODY_BYTES_MAX = SAMPLES_MAX * 11
BLOCK_BYTES_MAX = 1 << 20
"""1 MiB: well under a broker's packet limit, so that no block is ever refused for ever."""

_MAGIC = b"ISB"
_FIXED = struct.Struct("<3sBBI8s4s")
_ZSTD = 0x01
_RUNS = 0x01
_CONSTANT = 0x02
_CODE_MAX = 0x7F
_NO_QUALITY = 3
_LAST_BYTES = 0x80
"""The last byte of a varint is below this."""
_HEADER_VARINTS = 8
_HEADER_BITS_MAX = 63
"""Nine groups of seven bits, so that every header number fits a signed 64-bit integer."""
_LEVEL = 9
"""zstd level: 9 costs 40 us for a 60-row block and saves 4 % against 3; above it nothing is gained at these sizes."""

I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]
U64 = NDArray[np.uint64]


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
class Block:
    """Rows of all signals of one schema.

    Attributes:
        key: See `BlockKey`.
        schema: Id of the schema, 8 bytes.
        t0_ms: UTC of the first row, ms.
        step_ms: From row to row, ms.
        values: Scaled integers, shape (columns, rows); 0 where the code says BAD.
        codes: Quality codes, same shape.
    """

    key: BlockKey
    schema: bytes
    t0_ms: int
    step_ms: int
    values: I64
    codes: U8

    @property
    def samples(self) -> int:
        """How many samples the block accounts for, BAD ones included."""
        return int(self.values.size)


def gateway_tag(site: str, gateway: str) -> bytes:
    """Give the 4 bytes by which a block names its gateway."""
    return hashlib.sha256(f"{site}/{gateway}".encode()).digest()[:4]


def encode(block: Block, tag: bytes) -> bytes:
    """Pack a block.

    Args:
        block: At least one row and one column, at most SAMPLES_MAX samples.
        tag: From `gateway_tag`.

    Raises:
        ValueError: Shapes differ, or a bound is not held.
    """
    if block.values.shape != block.codes.shape or not 0 < block.samples <= SAMPLES_MAX:
        raise ValueError(f"a block of shape {block.values.shape} with codes of shape {block.codes.shape}")
    _check_codes(block.codes)
    columns, rows = block.values.shape
    body = _encode_body(block.values, block.codes)
    packed = zstandard.ZstdCompressor(level=_LEVEL).compress(body)
    flags = _ZSTD if len(packed) < len(body) else 0
    key = block.key
    numbers = (key.epoch, key.stream, key.sequence, block.t0_ms, block.step_ms, rows, columns, len(body))
    if min(numbers) < 0 or max(numbers) >> _HEADER_BITS_MAX or not key.sequence or not block.step_ms:
        raise ValueError(f"a block with the header {numbers}")
    rest = varint.encode(np.array(numbers, np.uint64)) + (packed if flags else body)
    rest = block.schema + tag + rest
    crc = google_crc32c.extend(google_crc32c.value(_MAGIC + bytes((VERSION, flags))), rest)
    return _FIXED.pack(_MAGIC, VERSION, flags, crc, block.schema, tag) + rest[12:]


def _check_codes(codes: U8 | U64) -> None:
    if int(codes.max()) > _CODE_MAX or ((codes & 3) == _NO_QUALITY).any():
        raise ValueError("a quality code that no sample has")


def _encode_body(values: I64, codes: U8) -> bytes:
    columns, rows = values.shape
    has_runs = codes.any(axis=1)
    present = (codes & 3) != Quality.BAD
    flat = values[present]
    counts = present.sum(axis=1)
    starts = (np.cumsum(counts) - counts)[counts > 0]
    differences = flat.copy()
    differences[1:] -= flat[:-1]
    differences[starts] = flat[starts]
    moves = differences != 0
    moves[starts] = False
    constant = np.ones(columns, bool)
    if starts.size:
        constant[counts > 0] = ~np.logical_or.reduceat(moves, starts)
    keep = ~np.repeat(constant, counts)
    keep[starts] = True
    control = has_runs * np.uint8(_RUNS) | constant * np.uint8(_CONSTANT)
    runs = [_runs(codes[column], rows) for column in np.flatnonzero(has_runs)]
    numbers = np.concatenate([*runs, varint.zigzag(differences[keep])])
    return control.astype(np.uint8).tobytes() + varint.encode(numbers)


def _runs(codes: U8, rows: int) -> U64:
    """Give one column's quality runs: their number, then (rows, code) each."""
    edges = np.flatnonzero(np.diff(codes)) + 1
    first = np.concatenate([[0], edges])
    lengths = np.diff(np.concatenate([first, [rows]]))
    out = np.empty(1 + 2 * first.size, np.uint64)
    out[0] = first.size
    out[1::2] = lengths
    out[2::2] = codes[first]
    return out


def decode(data: bytes, tag: bytes | None = None) -> Block:
    """Unpack a block.

    Args:
        data: One whole block.
        tag: If given, the gateway it must come from.

    Raises:
        ValueError: It is not a whole, undamaged block of version 1 within the bounds, or of another gateway.
    """
    if len(data) < _FIXED.size or len(data) > BLOCK_BYTES_MAX:
        raise ValueError(f"a block of {len(data)} bytes")
    magic, version, flags, crc, schema, told = _FIXED.unpack_from(data)
    if magic != _MAGIC or version != VERSION or flags & ~_ZSTD:
        raise ValueError("not a telemetry block of version 1")
    if google_crc32c.extend(google_crc32c.value(data[:5]), data[9:]) != crc:
        raise ValueError("the block's CRC-32C does not fit its bytes")
    if tag is not None and told != tag:
        raise ValueError("the block is of another gateway")
    numbers, body_at = _header_numbers(data)
    epoch, stream, sequence, t0_ms, step_ms, rows, columns, size = numbers
    if not (rows and columns and step_ms and sequence and rows * columns <= SAMPLES_MAX and size <= BODY_BYTES_MAX):
        raise ValueError(f"a block of {columns} columns and {rows} rows")
    body = _inflate(data[body_at:], size) if flags & _ZSTD else data[body_at:]
    if len(body) != size:
        raise ValueError(f"a body of {len(body)} bytes instead of {size}")
    values, codes = _decode_body(body, columns, rows)
    return Block(BlockKey(epoch, stream, sequence), schema, t0_ms, step_ms, values, codes)


def _header_numbers(data: bytes) -> tuple[list[int], int]:
    at = _FIXED.size
    numbers = []
    for _ in range(_HEADER_VARINTS):
        number, shift, more = 0, 0, True
        while more:
            if at == len(data) or shift == _HEADER_BITS_MAX:
                raise ValueError("the block's header is cut")
            number |= (data[at] & 0x7F) << shift
            more = data[at] > 0x7F  # noqa: PLR2004 - the varint's continuation bit
            shift, at = shift + 7, at + 1
        numbers.append(number)
    return numbers, at


def _inflate(packed: bytes, size: int) -> bytes:
    try:
        if zstandard.frame_content_size(packed) != size:
            raise ValueError("the zstd frame says another size than the block")
        return zstandard.ZstdDecompressor().decompress(packed, max_output_size=size, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise ValueError(f"the block's zstd frame is damaged: {error}") from error


def _decode_body(body: bytes, columns: int, rows: int) -> tuple[I64, U8]:
    control = np.frombuffer(body[:columns], np.uint8)
    if control.size != columns or (control > (_RUNS | _CONSTANT)).any():
        raise ValueError("a control byte is cut or unknown")
    # Counted before they are unpacked: a kilobyte of zstd can hold a body of numbers that no memory holds.
    if np.count_nonzero(np.frombuffer(body, np.uint8)[columns:] < _LAST_BYTES) > columns + 3 * columns * rows:
        raise ValueError("more numbers than the rows can have")
    numbers = varint.decode(body[columns:])
    codes = np.zeros((columns, rows), np.uint8)
    at = 0
    for column in np.flatnonzero(control & _RUNS):
        at = _read_runs(numbers, at, codes[column])
    present = (codes & 3) != Quality.BAD
    counts = present.sum(axis=1)
    stored = np.where((control & _CONSTANT) > 0, np.minimum(counts, 1), counts)
    if numbers.size - at != stored.sum():
        raise ValueError(f"{numbers.size - at} values instead of {int(stored.sum())}")
    differences = np.zeros(int(counts.sum()), np.int64)
    first = np.repeat(np.cumsum(counts) - counts, stored)
    place = np.arange(int(stored.sum())) - np.repeat(np.cumsum(stored) - stored, stored)
    differences[first + place] = varint.unzigzag(numbers[at:])
    values = np.zeros((columns, rows), np.int64)
    values[present] = _integrate(differences, counts)
    return values, codes


def _integrate(differences: I64, counts: NDArray[np.int_]) -> I64:
    """Sum differences up, starting anew at each column (wrapping arithmetic makes the subtraction exact)."""
    total: I64 = np.cumsum(differences)
    ends = np.cumsum(counts)
    before = np.concatenate([[np.int64(0)], total])[ends - counts]
    restarted: I64 = total - np.repeat(before, counts)
    return restarted


def _read_runs(numbers: U64, at: int, codes: U8) -> int:
    count = int(numbers[at]) if at < numbers.size else 0
    runs = numbers[at + 1 : at + 1 + 2 * min(count, codes.size)]
    if not count or runs.size != 2 * count:
        raise ValueError("quality runs are cut")
    lengths, run_codes = runs[0::2], runs[1::2]
    if int(lengths.max()) > codes.size or int(lengths.sum()) != codes.size:
        raise ValueError("quality runs do not cover the rows")
    _check_codes(run_codes)
    codes[:] = np.repeat(run_codes.astype(np.uint8), lengths.astype(np.intp))
    return at + 1 + 2 * count
