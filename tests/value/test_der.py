"""This file checks the walk over DER: whole elements come out, and anything else is said, never an endless loop."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.value.der import OCTET_STRING, SEQUENCE, Element, first, walk


def encode(tag: int, contents: bytes) -> bytes:
    size = len(contents)
    if size < 0x80:
        return bytes((tag, size)) + contents
    width = (size.bit_length() + 7) // 8
    return bytes((tag, 0x80 | width)) + size.to_bytes(width, "big") + contents


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=300)), max_size=8))
def test_what_was_written_is_read(items: list[tuple[int, bytes]]) -> None:
    der = b"".join(encode(tag, contents) for tag, contents in items)
    elements = tuple(Element(tag, contents) for tag, contents in items)
    assert tuple(walk(der)) == elements
    assert first(encode(SEQUENCE, der)).children() == elements


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(der: bytes) -> None:
    try:
        elements = tuple(walk(der))
    except ValueError:
        return
    assert sum(len(element.contents) for element in elements) <= len(der)


@pytest.mark.parametrize("der", [b"", b"\x30", b"\x30\x05abc", b"\x30\x80", b"\x30\x85\0\0\0\0\0", b"\x30\x82\x01"])
def test_what_is_cut_off_is_said(der: bytes) -> None:
    with pytest.raises(ValueError, match="not DER"):
        first(der)


def test_a_long_length_is_read() -> None:
    assert first(encode(OCTET_STRING, bytes(70_000))).contents == bytes(70_000)
