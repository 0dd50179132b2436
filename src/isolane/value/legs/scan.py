"""This file finds WebSocket frames in a byte stream.

It guards that limits hold before a byte of the offending frame passes.

Pure and incremental, one `Scanner` a direction, O(frames) not O(bytes): it reads frame headers (RFC 6455 §5.2) and
jumps over payloads, which it neither unmasks nor copies. It judges only what limits, the tap and the next hop hang on
(mask bit, length, fragments); everything else, malformed or not, is the far end's to answer.

Operation: `scan` is given the bytes that follow those it let pass before and says how many of these may pass. Fewer
than given means `stop` says why, and the stream that has passed ends between two frames:

- INCOMPLETE: the rest is the beginning of a header; give it again with what follows.
- CLOSE: the rest begins with a Close frame, whose status is in `close_code`; scanning is over.
- OWN_PONG: the rest begins with the answer to a Ping of ours, OWN_PONG_BYTES long; drop it and scan what follows.
- TOO_FAST: the rest begins with a message that comes before its time; give all of it again in `wait_s`.
- an `Offence`: the rest begins with a frame that must not pass; scanning is over.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic_ns
from typing import Final, Literal

from isolane.value.legs.pace import Bucket
from isolane.value.settings import Limits
from isolane.wire.tap_copy import NO_BOUNDARY

INCOMPLETE: Final = "incomplete"
CLOSE: Final = "close"
OWN_PONG: Final = "own-pong"
TOO_FAST: Final = "too-fast"
OWN_PING_BYTES: Final = 8
"""Payload of a Ping of ours: too long to be met by chance, too short to be worth a place in the queue."""
OWN_PONG_BYTES: Final = 2 + 4 + OWN_PING_BYTES

_MASKED = 0x80
_SMALL = 125
_TWO_BYTES = 126
_OPCODE = 0x0F
_FIN = 0x80
_CLOSE_OPCODE = 8
_PING_OPCODE = 9
_PONG_OPCODE = 10
_TOP_BIT = 1 << 63
_MASK_BYTES = 4

NO_STATUS = 1005
"""What RFC 6455 §7.1.5 calls a Close frame without a status."""


@dataclass(frozen=True, slots=True)
class Offence:
    """A limit that a frame breaks: its name for the metrics and the close code (RFC 6455 §7.4.1) that says so."""

    limit: str
    code: int


PROTOCOL: Final = Offence("protocol", 1002)
MESSAGE: Final = Offence("message-bytes", 1009)
FRAGMENTS: Final = Offence("fragments", 1008)
MESSAGES: Final = Offence("messages", 1008)
CONTROLS: Final = Offence("control-frames", 1008)
ASSEMBLY: Final = Offence("assembly", 1008)

_UNLIMITED = 1 << 62
_WAIT_S = 0.1
"""Short, so that control frames between the messages are not late, and long enough to be worth a timer."""

_WHOLE, _BEGIN, _MORE, _LAST, _CONTROL, _END = range(6)


def _kind(first: int) -> int:
    opcode, final = first & _OPCODE, bool(first & _FIN)
    if opcode == _CLOSE_OPCODE:
        return _END
    if opcode > _CLOSE_OPCODE:
        return _CONTROL
    if opcode:
        return _WHOLE if final else _BEGIN
    return _LAST if final else _MORE


_KIND = bytes(_kind(first) for first in range(256))


class Scanner:
    """The frames of one direction.

    Args:
        limits: `message_bytes`, `fragments` and `control_frames_per_s` apply; to a charger the pace of messages too.
        masked: Whether this direction is the charger's, whose frames are all masked; the CSMS's never are.
        clock_ns: A monotonic clock.

    Attributes:
        left: Payload bytes of the current frame that have not passed; 0 means that the stream is between two frames.
        frames: Frame headers that have passed.
        boundary: Index in the bytes last scanned where the first frame that passes begins, or NO_BOUNDARY.
        stop: Why the last scan let fewer bytes pass; stale after one that let all pass.
        close_code: Status of the Close frame, NO_STATUS where it has none.
        own_ping: Payload of a Ping of ours whose Pong must not pass, b"" for none. Only a charger is pinged.
    """

    __slots__ = (
        "_bytes", "_bytes_max", "_clock_ns", "_controls", "_controls_per_s", "_few", "_first", "_fragments",
        "_fragments_max", "_frames_max", "_grant", "_header", "_last", "_mask", "_messages",
        "boundary", "close_code", "frames", "left", "own_ping", "stop",
    )  # fmt: skip

    def __init__(self, limits: Limits, *, masked: bool, clock_ns: Callable[[], int] = monotonic_ns) -> None:
        self._mask = _MASKED if masked else 0
        self._header = 2 + (_MASK_BYTES if masked else 0)
        self._bytes_max = limits.message_bytes
        self._fragments_max = limits.fragments
        self._bytes = 0
        self._fragments = 0
        self._first = self._last = 0
        self._clock_ns = clock_ns
        self._messages = Bucket(limits.messages_per_s, limits.messages_burst, clock_ns)
        self._grant = limits.messages_burst // 4  # at a time, so that most messages ask no clock
        self._few = max(1, min(self._grant, int(limits.messages_per_s * _WAIT_S)))
        self._frames_max = 0 if masked else _UNLIMITED
        self._controls_per_s = limits.control_frames_per_s
        self._controls: Bucket | None = None
        self.left = 0
        self.frames = 0
        self.boundary = NO_BOUNDARY
        self.stop: Literal["incomplete", "close", "own-pong", "too-fast"] | Offence = INCOMPLETE
        self.close_code = NO_STATUS
        self.own_ping = b""

    @property
    def between(self) -> bool:
        """Tell whether what has passed ends between two messages."""
        return not self.left and not self._fragments

    def under_way(self, *, held: bool) -> int:
        """Give the number of the message that is not whole, which is that of its first frame; 0 for none.

        Args:
            held: Whether the beginning of a header waits for its rest.
        """
        if self._fragments:
            return self._first
        if self.left:
            return self._first if self.frames == self._last else self.frames
        return self.frames + 1 if held else 0

    def scan(self, data: bytes | memoryview) -> int:
        """Say how many of these bytes may pass; see the top of this file."""
        size = len(data)
        at = self.left
        if at >= size:
            self.left = at - size
            self.boundary = NO_BOUNDARY
            return size
        self.boundary = at
        mask, header, bytes_max = self._mask, self._header, self._bytes_max
        while size - at > 1:
            kind = _KIND[data[at]]
            length = data[at + 1] ^ mask
            start = at + header
            if length > _SMALL:
                if length == _TWO_BYTES and kind < _CONTROL:
                    start += 2
                    if start > size:
                        break
                    length = data[at + 2] << 8 | data[at + 3]
                else:
                    length, start = self._long(data, at, length, kind)
            if start > size:
                break
            if kind != _WHOLE or length > bytes_max or self.frames >= self._frames_max:
                stop = self._judge(kind, data, start, length)
                if stop is not None:
                    return self._stop(at, stop)
            self.frames += 1
            at = start + length
            if at >= size:
                self.left = at - size
                return size
        return self._stop(at, INCOMPLETE)

    def _long(self, data: bytes | memoryview, at: int, length: int, kind: int) -> tuple[int, int]:
        """Give length and start of an eight-byte length, or a length that nothing allows where none may stand."""
        if length >= _MASKED or kind >= _CONTROL:
            return _TOP_BIT, at
        return int.from_bytes(data[at + 2 : at + 10], "big"), at + self._header + 8

    def _judge(self, kind: int, data: bytes | memoryview, start: int, length: int) -> str | Offence | None:
        """Account for a frame that is not a whole message of allowed length and pace."""
        if length > self._bytes_max:
            return PROTOCOL if length >= _TOP_BIT else MESSAGE
        if kind == _CONTROL:
            return self._control(data, start, length)
        if kind == _END:
            return self._close(data, start, length)
        return self._pace(kind) or self._fragment(kind, length)

    def wait_s(self) -> float:
        """Give s until so many more messages may pass that waiting for them is worth it, after TOO_FAST."""
        return self._messages.wait_s(self._few)

    def hurry(self) -> None:
        """Hold messages to no pace any more: the end is near."""
        self._frames_max = _UNLIMITED

    def _pace(self, kind: int) -> str | None:
        """Count a message; its later fragments are counted with the frames, but are none."""
        if kind > _BEGIN:
            self._frames_max += 1
        elif self.frames >= self._frames_max:
            granted = self._messages.take(self._grant)
            self._frames_max = self.frames + granted
            return None if granted else TOO_FAST
        return None

    def _fragment(self, kind: int, length: int) -> Offence | None:
        """Account for a frame that is not a whole message."""
        if kind == _WHOLE:
            return None
        if kind == _BEGIN:
            self._bytes = self._fragments = 0
            self._first = self.frames + 1
        self._bytes += length
        self._fragments += 1
        if self._bytes > self._bytes_max:
            return MESSAGE
        if self._fragments > self._fragments_max:
            return FRAGMENTS
        if kind == _LAST:
            self._bytes = self._fragments = 0
            self._last = self.frames + 1
        return None

    def _control(self, data: bytes | memoryview, start: int, length: int) -> str | Offence | None:
        """Tell the Pong that answers a Ping of ours from every other control frame, and count these."""
        is_pong = data[start - self._header] & _OPCODE == _PONG_OPCODE
        if self.own_ping and is_pong and length == len(self.own_ping):
            payload = data[start : start + length]
            if len(payload) < length:
                return INCOMPLETE
            key = data[start - _MASK_BYTES : start]
            if bytes(byte ^ key[at & 3] for at, byte in enumerate(payload)) == self.own_ping:
                return OWN_PONG
        if self._controls is None:
            self._controls = Bucket(self._controls_per_s, self._controls_per_s, self._clock_ns)
        if not self._controls.take():
            return CONTROLS
        self._frames_max += 1
        return None

    def _close(self, data: bytes | memoryview, start: int, length: int) -> str:
        status = data[start : start + min(length, 2)]
        if len(status) < min(length, 2):
            return INCOMPLETE
        if length >= 2:  # noqa: PLR2004 - the width of the status, the only payload bytes ever looked at
            key = data[start - _MASK_BYTES : start] if self._mask else b"\0\0"
            self.close_code = (status[0] ^ key[0]) << 8 | (status[1] ^ key[1])
        return CLOSE

    def _stop(self, at: int, why: str | Offence) -> int:
        self.left = 0
        self.stop = why  # type: ignore[assignment]  # `_judge` names only these
        if self.boundary >= at:
            self.boundary = NO_BOUNDARY
        return at


def close_frame(code: int, *, key: bytes | None) -> bytes:
    """Write a Close frame.

    Args:
        code: Status, RFC 6455 §7.4.1.
        key: Four random bytes towards a CSMS, which takes masked frames only; None towards a charger.
    """
    status = code.to_bytes(2, "big")
    if key is None:
        return b"\x88\x02" + status
    return b"\x88\x82" + key + bytes((status[0] ^ key[0], status[1] ^ key[1]))


def ping_frame(payload: bytes) -> bytes:
    """Write a Ping towards a charger, of OWN_PING_BYTES."""
    return bytes((_FIN | _PING_OPCODE, OWN_PING_BYTES)) + payload
