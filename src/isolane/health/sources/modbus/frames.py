"""This file makes and finds RTU frames; it guards that an answer has the right checksum, unit and size.

Layout: unit, function, data, CRC-16 with its low byte first. An answer to a read is unit, function, byte count and as
many bytes; an exception is unit, function + 0x80 and one code.

Constraint: RTU has no transaction ids. That an answer belongs to a request follows from its unit, function and size
alone; the line makes sure that no answer to an older request of the same unit can still be on its way.

Source: MODBUS over Serial Line Specification and Implementation Guide V1.02, 2.5.1.
"""

from dataclasses import dataclass

from isolane.devices.point import BIT_TABLES
from isolane.health.sources.modbus.plan import Span
from isolane.health.sources.modbus.reads import EXCEPTION, FUNCTIONS, data_bytes

_HEAD = 3
_EXCEPTION_BYTES = 5


def _table() -> tuple[int, ...]:
    entries = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
        entries.append(crc)
    return tuple(entries)


_CRC = _table()


def crc16(data: bytes) -> bytes:
    """Give the two bytes of the checksum, as they follow the data on the line."""
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 0xFF]
    return crc.to_bytes(2, "little")


def request(unit: int, span: Span) -> bytes:
    """Give the frame that asks for a span."""
    body = bytes((unit, FUNCTIONS[span.table])) + span.address.to_bytes(2, "big") + span.words.to_bytes(2, "big")
    return body + crc16(body)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a device said.

    Attributes:
        words: Registers or bits; empty for an exception.
        exception: Its code; None for none.
    """

    words: tuple[int, ...] = ()
    exception: int | None = None


def find(received: bytes, unit: int, span: Span) -> Answer | None:
    """Look for the answer to a request anywhere in what was received: noise and strangers may come before it.

    Args:
        received: Every byte since the request was sent.
        unit: That was asked.
        span: That was asked for.
    """
    function = FUNCTIONS[span.table]
    size = data_bytes(span)
    whole = _found(received, bytes((unit, function, size)), _HEAD + size + 2)
    if whole is not None:
        return _answer(whole, span)
    refusal = _found(received, bytes((unit, function | EXCEPTION)), _EXCEPTION_BYTES)
    return None if refusal is None else Answer(exception=refusal[2])


def _found(received: bytes, head: bytes, length: int) -> bytes | None:
    at = received.find(head)
    while 0 <= at <= len(received) - length:
        frame = received[at : at + length]
        if crc16(frame[:-2]) == frame[-2:]:
            return frame
        at = received.find(head, at + 1)
    return None


def is_begun(received: bytes, unit: int, span: Span) -> bool:
    """Tell whether what was received is the beginning of the answer: the device was too slow, not wrong."""
    head = bytes((unit, FUNCTIONS[span.table], data_bytes(span)))
    return head.startswith(received[:_HEAD]) and len(received) < _HEAD + data_bytes(span) + 2


def _answer(frame: bytes, span: Span) -> Answer:
    data = frame[_HEAD:-2]
    if span.table in BIT_TABLES:
        return Answer(tuple(data[bit // 8] >> bit % 8 & 1 for bit in range(span.words)))
    return Answer(tuple(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)))
