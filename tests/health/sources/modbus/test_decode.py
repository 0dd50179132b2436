"""This file tests words to values by tables and foreign packing; it guards that wrong is never taken for right."""

import math
import struct

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.core.samples import Reason
from isolane.devices.point import Page, Point, Template
from isolane.health.sources.modbus.decode import text_of, value_of

POINT = Point(key="EVSE/Power", address=0, type="u16", resolution=1)
TEMPLATE = Template(maker="m", model="m", source=Page(title="t", url="u"), points=(POINT,))
FORMS = {"u16": ">H", "i16": ">h", "u32": ">I", "i32": ">i", "u64": ">Q", "i64": ">q", "f32": ">f", "f64": ">d"}


def words_of(form: str, value: float) -> list[int]:
    data = struct.pack(form, value)
    return list(struct.unpack(f">{len(data) // 2}H", data))


def point(**changes: object) -> Point:
    return msgspec.structs.replace(POINT, **changes)


@given(st.sampled_from(sorted(FORMS)), st.data())
def test_every_type_reads_what_struct_wrote(kind: str, data: st.DataObject) -> None:
    if kind.startswith("f"):
        value: float = data.draw(st.floats(width=32 if kind == "f32" else 64, allow_nan=False, allow_infinity=False))
    else:
        bits, signed = int(kind[1:]), kind.startswith("i")
        value = data.draw(st.integers(-(1 << bits - 1) if signed else 0, (1 << bits - signed) - 1))
    words = words_of(FORMS[kind], value)
    assert value_of(point(type=kind), TEMPLATE, words) == float(value)
    turned = msgspec.structs.replace(TEMPLATE, word_order="low-first", byte_order="little")
    swapped = [(word & 0xFF) << 8 | word >> 8 for word in reversed(words)]
    assert value_of(point(type=kind), turned, swapped) == float(value)


@pytest.mark.parametrize(
    ("changes", "words", "factor", "expected"),
    [
        ({"scale": 0.1}, [2301], None, 230.1),
        ({"scale": 1000.0}, [3], None, 3000.0),
        ({"range": (0.0, 100.0)}, [101], None, Reason.OUT_OF_RANGE),
        ({"absent": (0xFFFF,)}, [0xFFFF], None, Reason.NOT_IMPLEMENTED),
        ({"type": "i16", "absent": (0x8000,)}, [0x8000], None, Reason.NOT_IMPLEMENTED),
        ({"type": "f32"}, words_of(">f", math.nan), None, Reason.OUT_OF_RANGE),
        ({"type": "f32"}, words_of(">f", math.inf), None, Reason.OUT_OF_RANGE),
        ({"mask": 0x7F00, "type": "u32"}, [0, 0x8400], None, 4.0),
        ({"map": {"3": 2}}, [3], None, 2.0),
        ({"map": {"3": 2}}, [4], None, Reason.OUT_OF_RANGE),
        ({"type": "i16"}, words_of(">h", -2301), 0xFFFF, -230.1),
        ({"type": "i16"}, [12], 2, 1200.0),
        ({"type": "i16"}, [12], 0x8000, Reason.NOT_IMPLEMENTED),
        ({"type": "i16"}, [12], 11, Reason.MALFORMED),
        ({"type": "bit"}, [1], None, 1.0),
    ],
)
def test_what_words_mean(
    changes: dict[str, object], words: list[int], factor: int | None, expected: float | Reason
) -> None:
    value = value_of(point(**changes), TEMPLATE, words, factor)
    assert value == pytest.approx(expected)
    assert isinstance(value, Reason) == isinstance(expected, Reason)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([0x4142, 0x4300], "ABC"),
        ([0x4100, 0x4242], "A"),
        ([0x1B5B, 0x0A41, 0x7FE9], "[A"),
        ([0x4141] * 60, "A" * 64),
        ([0], ""),
    ],
)
def test_a_text_of_a_device_is_printable_ascii(words: list[int], text: str) -> None:
    assert text_of(words) == text
