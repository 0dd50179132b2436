"""This file speaks RFC 6455 by hand; it guards that an attacker can write what no library would."""

import os
import struct
import zlib
from dataclasses import dataclass, field
from typing import Final, NamedTuple

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
_SMALL: Final = 126
_CODES_MIN, _CODES_MAX = 1000, 4999
_NOT_ON_THE_WIRE = {1004, 1005, 1006, *range(1015, 3000)}
_TAIL = b"\0\0\xff\xff"


class ViolationError(Exception):
    """The peer broke the protocol; `code` is the close code that says so."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


class Frame(NamedTuple):
    """One frame, its payload unmasked."""

    fin: bool
    rsv: int
    opcode: int
    masked: bool
    payload: bytes


def apply_mask(payload: bytes, mask: bytes) -> bytes:
    """Mask or unmask."""
    size = len(payload)
    stream = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")).to_bytes(size, "big")


def header(opcode: int, size: int, *, mask: bytes = b"", fin: bool = True, rsv: int = 0) -> bytes:
    """Write a frame's header for a payload of `size` bytes."""
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    bit = 0x80 if mask else 0
    if size < _SMALL:
        head = struct.pack("!BB", first, bit | size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", first, bit | 126, size)
    else:
        head = struct.pack("!BBQ", first, bit | 127, size)
    return head + mask


def frame(opcode: int, payload: bytes, *, masked: bool = True, fin: bool = True, rsv: int = 0) -> bytes:
    """Write a frame."""
    mask = os.urandom(4) if masked else b""
    return header(opcode, len(payload), mask=mask, fin=fin, rsv=rsv) + (apply_mask(payload, mask) if mask else payload)


def deflated(payload: bytes) -> bytes:
    """Compress a message by itself, as RFC 7692 §7.2.1 says."""
    packer = zlib.compressobj(wbits=-15)
    out = packer.compress(payload) + packer.flush(zlib.Z_SYNC_FLUSH)
    return out.removesuffix(_TAIL)


class Decoder:
    """Bytes in, frames out."""

    def __init__(self) -> None:
        self._held = bytearray()

    @property
    def is_partial(self) -> bool:
        """Tell whether a frame has begun and is not whole."""
        return bool(self._held)

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes and give the frames that became whole."""
        self._held += data
        found: list[Frame] = []
        while (one := self._next()) is not None:
            found.append(one)
        return found

    def _next(self) -> Frame | None:
        held = self._held
        if len(held) < 2:
            return None
        size, at = held[1] & 0x7F, 2
        if size >= _SMALL:
            width = 2 if size == _SMALL else 8
            if len(held) < 2 + width:
                return None
            size, at = int.from_bytes(held[2 : 2 + width], "big"), 2 + width
        masked = bool(held[1] & 0x80)
        start = at + (4 if masked else 0)
        if len(held) < start + size:
            return None
        payload = bytes(held[start : start + size])
        if masked:
            payload = apply_mask(payload, bytes(held[at:start]))
        first = held[0]
        del held[: start + size]
        return Frame(bool(first & 0x80), first >> 4 & 7, first & 15, masked, payload)


@dataclass
class Assembler:
    """Puts messages together as strictly as RFC 6455 §5 and §8.1 say.

    Args:
        masked: Whether the peer must mask.
        message_bytes_max: Of an inflated message.
        deflate: Whether permessage-deflate was agreed, each message alone.
    """

    masked: bool
    message_bytes_max: int = 1 << 24
    deflate: bool = False
    _parts: bytearray = field(default_factory=bytearray)
    _opcode: int = 0
    _packed: bool = False

    def take(self, got: Frame) -> bytes | None:
        """Give the message that this data frame completes.

        Raises:
            ViolationError: It must be answered with a Close frame.
        """
        if got.masked != self.masked:
            raise ViolationError(1002, "mask")
        if got.rsv not in ({0, 4} if self.deflate and got.opcode in {TEXT, BINARY} else {0}):
            raise ViolationError(1002, "reserved bit")
        if got.opcode >= CLOSE:
            self._check_control(got)
            return None
        if got.opcode > BINARY or (got.opcode == CONTINUATION) != bool(self._opcode):
            raise ViolationError(1002, "opcode")
        if got.opcode:
            self._opcode, self._packed = got.opcode, bool(got.rsv)
        self._parts += got.payload
        if len(self._parts) > self.message_bytes_max:
            raise ViolationError(1009, "size")
        return self._whole() if got.fin else None

    def _whole(self) -> bytes:
        data, opcode, packed = bytes(self._parts), self._opcode, self._packed
        self._parts, self._opcode, self._packed = bytearray(), 0, False
        if packed:
            try:
                data = zlib.decompressobj(wbits=-15).decompress(data + _TAIL, self.message_bytes_max + 1)
            except zlib.error as error:
                raise ViolationError(1007, "deflate") from error
            if len(data) > self.message_bytes_max:
                raise ViolationError(1009, "size")
        if opcode == TEXT:
            try:
                data.decode()
            except UnicodeDecodeError as error:
                raise ViolationError(1007, "UTF-8") from error
        return data

    @staticmethod
    def _check_control(got: Frame) -> None:
        if not got.fin or len(got.payload) >= _SMALL or got.opcode > PONG:
            raise ViolationError(1002, "control frame")
        if got.opcode == CLOSE and got.payload:
            code = int.from_bytes(got.payload[:2], "big")
            known = _CODES_MIN <= code <= _CODES_MAX and code not in _NOT_ON_THE_WIRE
            if len(got.payload) < 2 or not known:
                raise ViolationError(1002, "close code")
            try:
                got.payload[2:].decode()
            except UnicodeDecodeError as error:
                raise ViolationError(1007, "close reason") from error
