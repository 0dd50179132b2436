"""This file reads register words; it guards that what a device cannot mean is a reason, never a number."""

import math
import struct
from collections.abc import Sequence

from isolane.core.samples import Reason
from isolane.devices.point import Point, Template

_FLOATS = {"f32": (">I", ">f"), "f64": (">Q", ">d")}
_FACTOR_ABSENT = 0x8000
_FACTOR_MAX = 10
"""SunSpec: a scale factor is a power of ten from -10 to 10."""


def value_of(point: Point, template: Template, words: Sequence[int], factor: int | None = None) -> float | Reason:
    """Give a point's value in its unit, or why there is none.

    Args:
        point: What the words mean.
        template: Gives word and byte order.
        words: As many registers (or bits) as the point takes, in the order the device sent them.
        factor: The register of the SunSpec scale factor, for a point that has one.
    """
    raw = _joined(words, template)
    if raw in point.absent:
        return Reason.NOT_IMPLEMENTED
    value = _number(raw, point)
    if value is None:
        return Reason.OUT_OF_RANGE
    value *= point.scale
    if factor is not None:
        power = _signed(factor, 1)
        if factor == _FACTOR_ABSENT:
            return Reason.NOT_IMPLEMENTED
        if abs(power) > _FACTOR_MAX:
            return Reason.MALFORMED
        value = value * 10**power if power >= 0 else value / 10**-power
    low, high = point.range or (-math.inf, math.inf)
    return value if math.isfinite(value) and low <= value <= high else Reason.OUT_OF_RANGE


def text_of(words: Sequence[int]) -> str:
    """Give the printable ASCII of a device's text, at most 64 characters: it is hostile input and goes into logs."""
    data = b"".join(word.to_bytes(2, "big") for word in words).split(b"\0")[0]
    return "".join(chr(byte) for byte in data if 0x20 <= byte < 0x7F).strip()[:64]  # noqa: PLR2004 - ASCII's printables


def _joined(words: Sequence[int], template: Template) -> int:
    ordered = words if template.word_order == "high-first" else list(reversed(words))
    raw = 0
    for word in ordered:
        raw = raw << 16 | (word if template.byte_order == "big" else (word & 0xFF) << 8 | word >> 8)
    return raw


def _number(raw: int, point: Point) -> float | None:
    """Give the number that the bits stand for; None for a state that the template does not know."""
    if point.type in _FLOATS:
        as_bits, as_float = _FLOATS[point.type]
        return float(struct.unpack(as_float, struct.pack(as_bits, raw))[0])
    number = _signed(raw, point.words) if point.type.startswith("i") else raw
    if point.mask is not None:
        number = (number & point.mask) // (point.mask & -point.mask)
    if point.map:
        return point.map.get(str(number))
    return number


def _signed(raw: int, words: int) -> int:
    bits = 16 * words
    return raw - (1 << bits) if raw >> bits - 1 else raw
