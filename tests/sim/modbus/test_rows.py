"""This file checks the encoding of registers; it guards that a value too large is never shown as a small one."""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.sim.modbus.rows import Row


@pytest.mark.parametrize(
    ("row", "value", "words"),
    [
        (Row(0, "uint16", "x", scale=0.1), 230.04, [2300]),
        (Row(0, "int16", "x", scale=0.1), -12.5, [0xFF83]),
        (Row(0, "uint32", "x"), 0x12345678, [0x1234, 0x5678]),
        (Row(0, "float32", "x"), 1.0, [0x3F80, 0]),
        (Row(0, "string4", "x"), "AB", [0x4142, 0]),
        (Row(0, "uint16", "x"), 1e9, [0xFFFF]),
        (Row(0, "uint16", "x"), -1, [0]),
        (Row(0, "int16", "x"), math.nan, [0x8000]),
        (Row(0, "uint16", "x"), math.nan, [0xFFFF]),
    ],
)
def test_words(row: Row, value: float | str, words: list[int]) -> None:
    assert row.encode(value) == words


@given(st.floats(-40, 120))
def test_a_temperature_comes_back_to_its_tenth(celsius: float) -> None:
    (word,) = Row(0, "int16", "x", scale=0.1).encode(celsius)
    assert abs(struct.unpack(">h", struct.pack(">H", word))[0] / 10 - celsius) <= 0.0501


def test_texts_and_numbers_are_not_mixed() -> None:
    with pytest.raises(TypeError):
        Row(0, "uint16", "x").encode("7")
    with pytest.raises(TypeError):
        Row(0, "string4", "x").encode(7)
