"""This file reads bytes and register words; it guards that what a device cannot mean is a reason, never a number."""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from isolane.core.samples import Reason
from isolane.devices.point import BIT_TABLES, Point, Template
from isolane.health.sources.modbus.plan import Span

_FUNCTIONS = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
_MBAP = struct.Struct(">HHH")
_LENGTH_MAX = 254
"""Unit id and PDU: the 253 bytes of a PDU and one. Source: MODBUS Messaging on TCP/IP Implementation Guide V1.0b."""
_EXCEPTION = 0x80

_FLOATS = {"f32": (">I", ">f"), "f64": (">Q", ">d")}
_FACTOR_ABSENT = 0x8000
_FACTOR_MAX = 10
"""SunSpec: a scale factor is a power of ten from -10 to 10."""


@dataclass(slots=True)
class Expected:
    """What an answer has to be.

    Attributes:
        unit: Unit id.
        span: What was asked.
        transaction: Transaction id of the request; -1 until it is sent.
    """

    unit: int
    span: Span
    transaction: int = -1

    def fits(self, body: bytes) -> bool:
        """Tell whether a frame's bytes after its length are the answer, or an exception in its place."""
        function = _FUNCTIONS[self.span.table]
        if body[:2] == bytes((self.unit, function | _EXCEPTION)):
            return len(body) == 3  # noqa: PLR2004 - unit, function, exception code
        size = -(-self.span.words // 8) if self.span.table in BIT_TABLES else 2 * self.span.words
        return body[:3] == bytes((self.unit, function, size)) and len(body) == 3 + size


@dataclass(frozen=True, slots=True)
class Scan:
    """What is in a buffer of received bytes.

    Attributes:
        faulty: There is something that no sound peer sends.
        answered: There is the expected answer.
        stray_bytes: Size of whole frames that answer something else.
    """

    faulty: bool = False
    answered: bool = False
    stray_bytes: int = 0


def scan(buffer: bytes, expected: Expected | None) -> Scan:
    """Look through a buffer that begins with a frame; the last frame may be incomplete.

    Args:
        buffer: What has been received and not been used.
        expected: What is waited for, or None.
    """
    at, stray, answered = 0, 0, False
    while len(buffer) - at >= _MBAP.size:
        transaction, protocol, length = _MBAP.unpack_from(buffer, at)
        if protocol or not 2 < length <= _LENGTH_MAX or not transaction:  # noqa: PLR2004 - unit, function, one byte
            return Scan(faulty=True)
        body = buffer[at + _MBAP.size : at + _MBAP.size + length]
        if len(body) < length:
            break
        if expected is None or transaction != expected.transaction:
            stray += _MBAP.size + length
        elif answered or not expected.fits(body):
            return Scan(faulty=True)
        else:
            answered = True
        at += _MBAP.size + length
    return Scan(answered=answered, stray_bytes=stray)


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
