"""This file packs the body of a block; it guards that hostile bytes cost memory within the block's bounds.

Layout: docs/reference/block.md, Body. A sample is *stored* if it has a value that stands in the body: its quality is
not BAD and, in a block that has been thinned, its reason is not THINNED. A thinned sample is given back from the
stored ones around it. Columns of floats have their values behind all others', `wire.floats`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isolane.core.samples import Quality, Reason
from isolane.wire import floats as patterns
from isolane.wire import varint
from isolane.wire.varint import I64, U64

U8 = NDArray[np.uint8]
Mask = NDArray[np.bool_]

_RUNS = 0x01
_CONSTANT = 0x02
_HELD = 0x04
_FLOATS = 0x08
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


@dataclass(frozen=True, slots=True)
class Shape:
    """What the header and the sender say about a body.

    Attributes:
        columns: How many.
        rows: How many.
        anchor: What the first value of each column is told against, shape (columns,).
        is_thinned: Whether samples were thinned away.
        tail: Bytes of the float values at the body's end; None in a block without a float column.
        planes: Whether those are in planes.
    """

    columns: int
    rows: int
    anchor: I64 | None = None
    is_thinned: bool = False
    tail: int | None = None
    planes: bool = False


def encode(values: I64, codes: U8, anchor: I64 | None, held: Mask | None) -> bytes:
    """Pack values and codes of columns without floats, both of shape (columns, rows).

    Args:
        values: Scaled integers.
        codes: Quality codes.
        anchor: Taken from the first value of each column, shape (columns,).
        held: Of a thinned block: the columns whose thinned samples are the value before; shape (columns,).
    """
    control, runs, numbers = _parts(values, codes, anchor, held)
    return control.tobytes() + varint.encode(np.concatenate([*runs, numbers]))


def encode_floats(
    values: I64, codes: U8, anchor: I64 | None, held: Mask | None, floats: Mask, *, planes: bool
) -> tuple[bytes, int]:
    """Pack values and codes as `encode` does, with columns of floats among them.

    Args:
        values: Scaled integers, and bit patterns in the columns of floats.
        codes: As of `encode`.
        anchor: As of `encode`, bit patterns in the columns of floats.
        held: As of `encode`; columns of floats must be held.
        floats: The columns of floats, shape (columns,).
        planes: As of `wire.floats.encode`.

    Returns:
        The body, and how many of its bytes are the float values at its end.

    Raises:
        ValueError: A float value is not finite, or the column is not held.
    """
    if held is not None and not held[floats].all():
        raise ValueError("a thinned column of floats that is not held")
    whole = ~floats
    of_whole, of_floats = (None, None) if anchor is None else (anchor[whole], anchor[floats])
    control = np.full(floats.size, _FLOATS, np.uint8) | codes.any(axis=1) * np.uint8(_RUNS)
    if held is not None:
        control |= held * np.uint8(_HELD)
    control[whole], _, numbers = _parts(values[whole], codes[whole], of_whole, None if held is None else held[whole])
    runs = [_runs(codes[column], codes.shape[1]) for column in np.flatnonzero(control & _RUNS)]
    present = stored(codes[floats], is_thinned=held is not None)
    tail = patterns.encode(values[floats], present, of_floats, planes=planes)
    return control.tobytes() + varint.encode(np.concatenate([*runs, numbers])) + tail, len(tail)


def _parts(values: I64, codes: U8, anchor: I64 | None, held: Mask | None) -> tuple[U8, list[U64], U64]:
    """Give control bytes, quality runs and numbers of columns without floats."""
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
    return control.astype(np.uint8), runs, varint.zigzag(differences[keep])


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


def decode(body: bytes, shape: Shape) -> tuple[I64, U8]:
    """Undo `encode` or `encode_floats`; thinned samples have got their values back.

    Raises:
        ValueError: It is no body of that shape.
    """
    columns, rows, is_thinned, anchor = shape.columns, shape.rows, shape.is_thinned, shape.anchor
    end = len(body) - (shape.tail or 0)
    control = _control(body[: max(end, 0)], shape)
    # Counted before they are unpacked: a kilobyte of zstd can hold a body of numbers that no memory holds.
    if np.count_nonzero(np.frombuffer(body, np.uint8)[columns:end] < _LAST_BYTES) > columns + 3 * columns * rows:
        raise ValueError("more numbers than the rows can have")
    numbers = varint.decode(body[columns:end])
    codes = np.zeros((columns, rows), np.uint8)
    at = 0
    for column in np.flatnonzero(control & _RUNS):
        at = _read_runs(numbers, at, codes[column])
    floats = (control & _FLOATS) > 0
    present = stored(codes, is_thinned=is_thinned)
    whole = present & ~floats[:, None]
    values = np.zeros((columns, rows), np.int64)
    values[whole] = _read_numbers(numbers[at:], whole.sum(axis=1), control, anchor)
    if shape.tail is not None:
        of_floats = None if anchor is None else anchor[floats]
        values[floats] = patterns.decode(body[end:], present[floats], of_floats, planes=shape.planes)
    if is_thinned:
        refill(values, codes, (control & _HELD) > 0)
    return values, codes


def _control(body: bytes, shape: Shape) -> U8:
    """Give the control bytes, checked."""
    control = np.frombuffer(body[: shape.columns], np.uint8)
    known = _RUNS | _CONSTANT | (_HELD if shape.is_thinned else 0) | (0 if shape.tail is None else _FLOATS)
    if control.size != shape.columns or (control & ~np.uint8(known)).any():
        raise ValueError("a control byte is cut or unknown")
    floats = (control & _FLOATS) > 0
    if shape.tail is not None and not floats.any():
        raise ValueError("a block of floats without a column of them")
    if (control[floats] & _CONSTANT).any() or (shape.is_thinned and not (control[floats] & _HELD).all()):
        raise ValueError("a column of floats that is constant or not held")
    return control


def _read_numbers(numbers: U64, counts: NDArray[np.int_], control: U8, anchor: I64 | None) -> I64:
    """Give the values of all columns without floats, one column after the other, of which so many are stored."""
    written = np.where((control & _CONSTANT) > 0, np.minimum(counts, 1), counts)
    if numbers.size != written.sum():
        raise ValueError(f"{numbers.size} values instead of {int(written.sum())}")
    differences = np.zeros(int(counts.sum()), np.int64)
    first = np.repeat(np.cumsum(counts) - counts, written)
    place = np.arange(int(written.sum())) - np.repeat(np.cumsum(written) - written, written)
    differences[first + place] = varint.unzigzag(numbers)
    if anchor is not None:
        differences[(np.cumsum(counts) - counts)[counts > 0]] += anchor[counts > 0]
    return _integrate(differences, counts)


def floats(body: bytes, columns: int) -> Mask:
    """Tell the columns of a body that are of floats, shape (columns,)."""
    mask: Mask = (np.frombuffer(body[:columns], np.uint8) & _FLOATS) > 0
    return mask


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
