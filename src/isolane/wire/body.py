"""This file packs the body of a block; it guards that hostile bytes cost memory within the block's bounds.

Layout: docs/reference/block.md, Body. A sample is *stored* if it has a value that stands in the body: its quality is
not BAD and, in a block that has been thinned, its reason is not THINNED. A thinned sample is given back from the
stored ones around it.
"""

import numpy as np
from numpy.typing import NDArray

from isolane.core.samples import Quality, Reason
from isolane.wire import varint
from isolane.wire.varint import I64, U64

U8 = NDArray[np.uint8]
Mask = NDArray[np.bool_]

_RUNS = 0x01
_CONSTANT = 0x02
_HELD = 0x04
CODE_MAX = 0x7F
_NO_QUALITY = 3
_LAST_BYTES = 0x80
"""The last byte of a varint is below this."""


def check_codes(codes: U8 | U64) -> None:
    """Refuse quality codes that no sample has.

    Raises:
        ValueError: One is.
    """
    if int(codes.max()) > CODE_MAX or ((codes & 3) == _NO_QUALITY).any():
        raise ValueError("a quality code that no sample has")


def stored(codes: U8, *, is_thinned: bool) -> Mask:
    """Tell which samples stand in the body."""
    present: Mask = (codes & 3) != Quality.BAD
    return present & (codes >> 2 != Reason.THINNED) if is_thinned else present


def encode(values: I64, codes: U8, anchor: I64 | None, held: Mask | None) -> bytes:
    """Pack values and codes, both of shape (columns, rows).

    Args:
        values: Scaled integers.
        codes: Quality codes.
        anchor: Taken from the first value of each column, shape (columns,).
        held: Of a thinned block: the columns whose thinned samples are the value before; shape (columns,).
    """
    columns, rows = values.shape
    has_runs = codes.any(axis=1)
    present = stored(codes, is_thinned=held is not None)
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
    if anchor is not None:
        differences[starts] -= anchor[counts > 0]
    control = has_runs * np.uint8(_RUNS) | constant * np.uint8(_CONSTANT)
    if held is not None:
        control |= held * np.uint8(_HELD)
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


def decode(body: bytes, columns: int, rows: int, anchor: I64 | None, *, is_thinned: bool) -> tuple[I64, U8]:
    """Undo `encode`; thinned samples have got their values back.

    Raises:
        ValueError: It is no body of so many columns and rows.
    """
    control = np.frombuffer(body[:columns], np.uint8)
    known = _RUNS | _CONSTANT | (_HELD if is_thinned else 0)
    if control.size != columns or (control > known).any():
        raise ValueError("a control byte is cut or unknown")
    # Counted before they are unpacked: a kilobyte of zstd can hold a body of numbers that no memory holds.
    if np.count_nonzero(np.frombuffer(body, np.uint8)[columns:] < _LAST_BYTES) > columns + 3 * columns * rows:
        raise ValueError("more numbers than the rows can have")
    numbers = varint.decode(body[columns:])
    codes = np.zeros((columns, rows), np.uint8)
    at = 0
    for column in np.flatnonzero(control & _RUNS):
        at = _read_runs(numbers, at, codes[column])
    present = stored(codes, is_thinned=is_thinned)
    counts = present.sum(axis=1)
    written = np.where((control & _CONSTANT) > 0, np.minimum(counts, 1), counts)
    if numbers.size - at != written.sum():
        raise ValueError(f"{numbers.size - at} values instead of {int(written.sum())}")
    differences = np.zeros(int(counts.sum()), np.int64)
    first = np.repeat(np.cumsum(counts) - counts, written)
    place = np.arange(int(written.sum())) - np.repeat(np.cumsum(written) - written, written)
    differences[first + place] = varint.unzigzag(numbers[at:])
    if anchor is not None:
        differences[(np.cumsum(counts) - counts)[counts > 0]] += anchor[counts > 0]
    values = np.zeros((columns, rows), np.int64)
    values[present] = _integrate(differences, counts)
    if is_thinned:
        refill(values, codes, (control & _HELD) > 0)
    return values, codes


def held(body: bytes, columns: int) -> Mask:
    """Tell the columns of a thinned block's body that are held, shape (columns,)."""
    mask: Mask = (np.frombuffer(body[:columns], np.uint8) & _HELD) > 0
    return mask


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
    check_codes(run_codes)
    codes[:] = np.repeat(run_codes.astype(np.uint8), lengths.astype(np.intp))
    return at + 1 + 2 * count


def refill(values: I64, codes: U8, held: Mask) -> None:
    """Give thinned samples their values back, in place.

    With the stored value `a` at row `i` before and `b` at row `j` after, row `i + k` has `a` in a column that is held
    or has no stored value after, and otherwise ``a + floor((2 k (b - a) + j - i) / (2 (j - i)))``, the nearest
    integer on the line between them; all modulo 2^64.

    Raises:
        ValueError: A thinned sample has no stored one before it.
    """
    for column in np.flatnonzero(((codes >> 2 == Reason.THINNED) & ((codes & 3) != Quality.BAD)).any(axis=1)):
        here = stored(codes[column], is_thinned=True)
        gaps = np.flatnonzero((codes[column] >> 2 == Reason.THINNED) & ((codes[column] & 3) != Quality.BAD))
        known = np.flatnonzero(here)
        after = np.searchsorted(known, gaps)
        if not known.size or not after.all():
            raise ValueError("a thinned sample has nothing before it")
        row = values[column]
        start = known[after - 1]
        end = known[np.minimum(after, known.size - 1)]
        span, past = np.maximum(end - start, 1), gaps - start
        rise = np.zeros_like(gaps) if held[column] else (row[end] - row[start]) * (end > start)
        row[gaps] = row[start] + (2 * past * rise + span) // (2 * span)
