"""This file cuts a WebSocket stream into pieces; it guards that the pieces joined are the stream, byte for byte.

Pure and incremental, one `Cutter` a direction. A piece is a part of one frame; the first of a frame holds its whole
header, so only an incomplete header waits here. Behind a Close frame, and behind a header that no peer may send, the
stream has no more frames: everything is one RAW piece after the other. Limits are not judged here (scan.py does).
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

CONTINUATION: Final = 0
TEXT: Final = 1
BINARY: Final = 2
CLOSE: Final = 8
RAW: Final = 16
"""Opcode of what is no frame."""

_FIN = 0x80
_MASKED = 0x80
_OPCODE = 0x0F
_SMALL = 125
_TWO_BYTES = 126
_TWO_BYTES_MAX = 0xFFFF
_TOP_BIT = 1 << 63


class Piece(NamedTuple):
    """A part of one frame.

    Attributes:
        wire: The bytes as they came.
        opcode: Of the frame, or RAW.
        body: Payload bytes in `wire`, as they came.
        key: Masking key, turned so that it begins with the body; b"" where there is none.
        begins: Whether this is the first piece of its frame.
        final: Whether it is the last piece of a frame that ends its message.
    """

    wire: bytes
    opcode: int
    body: bytes
    key: bytes
    begins: bool
    final: bool

    @property
    def control(self) -> bool:
        """Tell whether this is of a control frame, which may stand between the fragments of a message."""
        return CLOSE <= self.opcode < RAW

    def text(self) -> bytes:
        """Give the body without its mask."""
        return unmask(self.body, self.key)


class Cutter:
    """One direction's frames.

    Args:
        masked: Whether its frames have to be masked: a charger's are, a CSMS's are not.

    Attributes:
        over: Whether there are no more frames.
        between: Whether what was cut so far ends between two messages.
    """

    __slots__ = ("_final", "_fragmented", "_key", "_left", "_masked", "_opcode", "_rest", "over")

    def __init__(self, *, masked: bool) -> None:
        self._masked = masked
        self._rest = b""
        self._left = 0
        self._key = b""
        self._opcode = RAW
        self._final = False
        self._fragmented = False
        self.over = False

    @property
    def between(self) -> bool:
        """Tell whether what was cut so far ends between two messages."""
        return not (self.over or self._rest or self._left or self._fragmented)

    def cut(self, data: bytes) -> Iterator[Piece]:
        """Give the pieces that have become known."""
        if self._rest:
            data, self._rest = self._rest + data, b""
        at, size = 0, len(data)
        while at < size:
            if self.over and not self._left:
                yield Piece(data[at:], RAW, b"", b"", begins=False, final=False)
                return
            start = at
            begins = not self._left
            if begins:
                header = self._header(data, at)
                if header is None:
                    self._rest = data[at:]
                    return
                start += header
                if self.over and self._opcode == RAW:
                    continue
            end = min(start + self._left, size)
            yield self._piece(data, at, start, end, begins=begins)
            at = end

    def rest(self) -> bytes:
        """Give the incomplete header at the end of a stream."""
        rest, self._rest = self._rest, b""
        return rest

    def _piece(self, data: bytes, at: int, start: int, end: int, *, begins: bool) -> Piece:
        self._left -= end - start
        key = self._key
        if key:
            turn = (end - start) & 3
            self._key = key[turn:] + key[:turn]
        return Piece(data[at:end], self._opcode, data[start:end], key, begins, self._final and not self._left)

    def _header(self, data: bytes, at: int) -> int | None:
        """Read a header; give its length, None where it is incomplete."""
        if len(data) - at < 2:  # noqa: PLR2004 - the fixed part
            return None
        first, second = data[at], data[at + 1]
        length = second & ~_MASKED
        width = {_TWO_BYTES: 2, _TWO_BYTES + 1: 8}.get(length, 0)
        header = 2 + width + (4 if self._masked else 0)
        opcode = first & _OPCODE
        wrong = bool(second & _MASKED) != self._masked or (opcode >= CLOSE and length > _SMALL)
        if wrong:
            self.over, self._opcode = True, RAW
            return header
        if len(data) - at < header:
            return None
        if width:
            length = int.from_bytes(data[at + 2 : at + 2 + width], "big")
            if length >= _TOP_BIT:
                self.over, self._opcode = True, RAW
                return header
        self._left = length
        self._key = data[at + header - 4 : at + header] if self._masked else b""
        self._opcode = opcode
        self._final = bool(first & _FIN)
        if opcode == CLOSE:
            self.over = True
        elif opcode < CLOSE:
            self._fragmented = not self._final
        return header


def text_frame(text: bytes) -> bytes:
    """Write a Text frame towards a charger, which takes unmasked ones only."""
    size = len(text)
    if size <= _SMALL:
        return bytes((_FIN | TEXT, size)) + text
    if size <= _TWO_BYTES_MAX:
        return bytes((_FIN | TEXT, _TWO_BYTES)) + size.to_bytes(2, "big") + text
    return bytes((_FIN | TEXT, _TWO_BYTES + 1)) + size.to_bytes(8, "big") + text


def unmask(body: bytes, key: bytes) -> bytes:
    """Take a mask off; RFC 6455 §5.3."""
    if not key or not body:
        return body
    size = len(body)
    stream = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(body, "big") ^ int.from_bytes(stream, "big")).to_bytes(size, "big")
