"""This file turns arrays of integers into LEB128 varints and back, whole arrays at a time; it guards exact round trips.

Signed numbers are zigzag-mapped first (0, -1, 1, -2 become 0, 1, 2, 3), so that small differences of either sign are
one byte.
"""

import numpy as np
from numpy.typing import NDArray

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]

_VARINT_BYTES_MAX = 10
_GROUP_BITS = np.uint64(7)
_GROUP_MASK = np.uint64(0x7F)
_MORE = np.uint8(0x80)
_ONE = np.uint64(1)


def zigzag(values: I64) -> U64:
    """Map signed to unsigned, shape kept."""
    return ((values << 1) ^ (values >> 63)).view(np.uint64)


def unzigzag(values: U64) -> I64:
    """Undo `zigzag`."""
    return (values >> _ONE).view(np.int64) ^ -(values & _ONE).view(np.int64)


def encode(values: U64) -> bytes:
    """Write numbers, shape (n,), one after the other, 1 to 10 bytes each, seven bits a byte, lowest first."""
    if not values.size:
        return b""
    width = max(1, -(-int(values.max()).bit_length() // 7))
    places = np.arange(width, dtype=np.uint64)
    groups = values[:, None] >> (places * _GROUP_BITS)
    written = groups != 0
    written[:, 0] = True
    out = (groups & _GROUP_MASK).astype(np.uint8)
    out[:, :-1][written[:, 1:]] |= _MORE
    return bytes(out[written].tobytes())


def decode(data: bytes) -> U64:
    """Read all numbers of a buffer, shape (n,).

    Raises:
        ValueError: The buffer ends inside a number or a number does not fit 64 bits.
    """
    raw = np.frombuffer(data, np.uint8)
    if not raw.size:
        return np.empty(0, np.uint64)
    ends = np.flatnonzero(raw < _MORE)
    if not ends.size or ends[-1] != raw.size - 1:
        raise ValueError("the last varint is cut")
    starts = np.empty_like(ends)
    starts[0] = 0
    starts[1:] = ends[:-1] + 1
    lengths = ends - starts + 1
    width = int(lengths.max())
    if width > _VARINT_BYTES_MAX or (width == _VARINT_BYTES_MAX and raw[ends[lengths == width]].max() > 1):
        raise ValueError("a varint does not fit 64 bits")
    values = np.zeros(ends.size, np.uint64)
    for place in range(width):
        here = lengths > place
        group = (raw[starts[here] + place] & 0x7F).astype(np.uint64)
        values[here] |= group << np.uint64(7 * place)
    return values
