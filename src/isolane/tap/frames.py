"""This file reads WebSocket frames from bytes; it guards that a frame is reported only when its header is valid.

Pure: no input, no output, no state. Source: RFC 6455 §5.2 (layout), §5.3 (masking), §5.5 (control frames), §7.4
(close). A frame is a plain tuple, not an object, because one is made for every frame that passes.
"""

from typing import NamedTuple

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA

_CONTROL = 0x8
_CONTROL_BYTES_MAX = 125
_SIZE_16, _SIZE_64 = 126, 127
_OPCODES = frozenset((CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG))
_FIN, _RSV_1, _RSV_2_AND_3 = 0x80, 0x40, 0x30
_CLOSE_CODE_BYTES = 2


class FrameError(ValueError):
    """The bytes are not a frame: nothing after them can be trusted until the next known boundary."""


class Frame(NamedTuple):
    """One frame's header.

    Attributes:
        final: Whether the message ends here.
        compressed: The RSV1 bit.
        opcode: One of the constants above.
        key: The 4 bytes of the mask, or b"" where the frame is not masked.
        start: Index of the payload's first byte.
        length: Bytes of the payload.
    """

    final: bool
    compressed: bool
    opcode: int
    key: bytes
    start: int
    length: int


def read_head(data: bytes | bytearray, at: int) -> Frame | None:
    """Read the header that begins at an index.

    Returns:
        The frame, whose payload may not be there yet, or None where the header is not complete.

    Raises:
        FrameError: A reserved bit or opcode is used, a length is not minimal, or a control frame is long or fragmented.
    """
    size = len(data)
    if size < at + 2:
        return None
    first, second = data[at], data[at + 1]
    opcode, length, start = first & 0x0F, second & 0x7F, at + 2
    if first & _RSV_2_AND_3 or opcode not in _OPCODES:
        raise FrameError("reserved bit or opcode")
    if opcode >= _CONTROL and (length > _CONTROL_BYTES_MAX or first & (_FIN | _RSV_1) != _FIN):
        raise FrameError("control frame is fragmented, compressed or too long")
    if length >= _SIZE_16:
        wide = length == _SIZE_64
        width = 8 if wide else 2
        if size < start + width:
            return None
        length = int.from_bytes(data[start : start + width], "big")
        start += width
        if length < _SIZE_16 or (wide and not 1 << 16 <= length < 1 << 63):
            raise FrameError("length is not written in its shortest form")
    key = b""
    if second & 0x80:
        if size < start + 4:
            return None
        key = bytes(data[start : start + 4])
        start += 4
    return Frame(first & _FIN != 0, first & _RSV_1 != 0, opcode, key, start, length)


def unmask(payload: bytes | bytearray, key: bytes) -> bytes:
    """Take the mask off (or put it on: the operation is its own inverse).

    One exclusive-or of two long integers is some forty times as fast as a loop over the bytes.
    """
    size = len(payload)
    mask = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(mask, "little")).to_bytes(size, "little")


def close_code(payload: bytes) -> int | None:
    """Give the code of an unmasked Close payload, or None where it has none. The reason text is not looked at."""
    return int.from_bytes(payload[:_CLOSE_CODE_BYTES], "big") if len(payload) >= _CLOSE_CODE_BYTES else None
