"""This file tests varints against a plain one-number-at-a-time codec; it guards exact round trips at every width."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.wire import varint

U64 = st.integers(0, 2**64 - 1)
I64 = st.integers(-(2**63), 2**63 - 1)
EDGES = [0, 1, 127, 128, 16_383, 16_384, 2**32, 2**63 - 1, 2**63, 2**64 - 1]


def plain(number: int) -> bytes:
    """Encode one number as the format's text says, without numpy."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


@given(st.lists(U64 | st.sampled_from(EDGES), max_size=40))
def test_numbers_survive_and_are_written_as_the_text_says(numbers: list[int]) -> None:
    data = varint.encode(np.array(numbers, np.uint64))
    assert data == b"".join(map(plain, numbers))
    assert varint.decode(data).tolist() == numbers


@given(st.lists(I64, max_size=40))
def test_zigzag_survives_and_keeps_small_numbers_small(numbers: list[int]) -> None:
    mapped = varint.zigzag(np.array(numbers, np.int64))
    assert mapped.tolist() == [2 * n if n >= 0 else -2 * n - 1 for n in numbers]
    assert varint.unzigzag(mapped).tolist() == numbers


@pytest.mark.parametrize("data", [b"\x80", b"\x01\xff", b"\x80" * 10 + b"\x01", b"\xff" * 9 + b"\x02"])
def test_what_is_cut_or_too_wide_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="varint"):
        varint.decode(data)


@given(st.binary(max_size=60))
def test_any_bytes_are_numbers_or_a_value_error(data: bytes) -> None:
    try:
        numbers = varint.decode(data)
    except ValueError:
        return
    assert len(varint.encode(numbers)) <= len(data)
