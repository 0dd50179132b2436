"""This file looks at every byte of a Modbus TCP peer; it guards that the library's parser gets nothing to stumble over.

Only a broken or hostile peer sends another protocol, impossible lengths, an answer of the wrong unit, function or size,
or more unasked bytes than a few late answers explain. Each of these ends the connection before the parser has seen it.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from isolane.core.samples import Reason
from isolane.health.sources.modbus.plan import Span
from isolane.health.sources.modbus.reads import EXCEPTION, FUNCTIONS, data_bytes

_MBAP = struct.Struct(">HHH")
_LENGTH_MAX = 254
"""Unit id and PDU: the 253 bytes of a PDU and one. Source: MODBUS Messaging on TCP/IP Implementation Guide V1.0b."""
_STRAY_BYTES_MAX = 2048
"""Eight late answers of full size; more than that is a flood."""


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
        function = FUNCTIONS[self.span.table]
        if body[:2] == bytes((self.unit, function | EXCEPTION)):
            return len(body) == 3  # noqa: PLR2004 - unit, function, exception code
        size = data_bytes(self.span)
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


class Gate:
    """Looks at every byte of one connection before the library's parser does.

    Args:
        broke: Told, with this gate and the reason, that the connection has to end.
    """

    def __init__(self, broke: Callable[["Gate", Reason], None]) -> None:
        self._broke = broke
        self._expected: Expected | None = None
        self._stray_bytes = 0

    def expect(self, expected: Expected | None) -> None:
        """Say what the next answer has to be; None while nothing is asked."""
        self._expected = expected

    def pass_on(self, sending: bool, data: bytes) -> bytes:  # noqa: FBT001 - the library's signature
        """Give the parser what it may see: our requests, and buffers without fault while an answer is expected."""
        expected = self._expected
        if sending:
            if expected is not None:
                expected.transaction = int.from_bytes(data[:2], "big")
            return data
        found = scan(data, expected)
        self._stray_bytes = 0 if found.answered else self._stray_bytes + found.stray_bytes
        if found.faulty or self._stray_bytes > _STRAY_BYTES_MAX:
            self._broke(self, Reason.MALFORMED)
            return b""
        return data if expected is not None else b""
