"""This file puts bytes of a peer before the gate; it guards that it never stumbles nor takes a stranger's answer."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.health.sources.modbus.gate import Expected, scan
from isolane.health.sources.modbus.plan import Span


def expected(words: int = 2, unit: int = 1) -> Expected:
    return Expected(unit, Span("holding", 0, words), 7)


def answer(body: bytes, transaction: int = 7, unit: int = 1) -> bytes:
    return struct.pack(">HHHB", transaction, 0, 1 + len(body), unit) + body


def test_the_answer_is_found_behind_late_ones() -> None:
    late = answer(b"\x03\x04\0\0\0\0", transaction=6)
    found = scan(late + answer(b"\x03\x04\0\1\0\2"), expected())
    assert (found.faulty, found.answered, found.stray_bytes) == (False, True, len(late))


@pytest.mark.parametrize("cut", range(12))
def test_a_cut_frame_is_waited_for(cut: int) -> None:
    found = scan(answer(b"\x03\x04\0\1\0\2")[:cut], expected())
    assert (found.faulty, found.answered) == (False, False)


def test_an_exception_is_an_answer_and_bits_are_counted_in_bytes() -> None:
    assert scan(answer(b"\x83\x02"), expected()).answered
    coils = Expected(1, Span("coil", 0, 9), 7)
    assert scan(answer(b"\x01\x02\xff\x01"), coils).answered
    assert scan(answer(b"\x01\x01\xff"), coils).faulty


@given(st.binary(max_size=600))
def test_no_bytes_make_the_scan_stumble(data: bytes) -> None:
    found = scan(data, expected())
    assert found.stray_bytes <= len(data)
    assert not found.answered or data.find(b"\x01") >= 0
    assert not scan(data, None).answered
