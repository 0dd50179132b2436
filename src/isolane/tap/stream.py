"""This file puts the copies of one direction together again; it guards that a message is whole or not given.

States: *in step* (the next byte is known) and *lost* (bytes are missing). A gap in `offset`, or bytes that are no
frame, lead to *lost*: what was held is dropped, and reading starts again at the next copy that says where a frame
begins. After that, continuation frames of a message whose beginning was missed are passed over.

A frame above the limit is skipped without being held. What all streams hold is counted in `Budget`; once that is
spent, a stream that holds more than a small message gives up the message it is waiting for.
"""

from dataclasses import dataclass
from typing import NamedTuple

from isolane.tap import frames
from isolane.tap.inflate import Inflater, UnreadableError


class Text(NamedTuple):
    """One whole text message, inflated."""

    payload: bytes


class Closing(NamedTuple):
    """A Close frame passed; its code, or None."""

    code: int | None


class Loss(NamedTuple):
    """Something could not be read; `reason` is one of `Unread`'s."""

    reason: str


Item = Text | Closing | Loss

_SMALL_BYTES = 65_536
"""A stream may always hold this much: ordinary messages must not suffer from others' long ones."""


@dataclass(slots=True)
class Budget:
    """Memory that all streams together may hold for messages that are not complete, in bytes."""

    limit_bytes: int
    held_bytes: int = 0


class Stream:
    """One direction of one connection.

    Args:
        inflater: How its messages are compressed, or None where they are not.
        budget: Shared by all streams.
        message_bytes_max: Longer messages are reported as "oversize".
    """

    __slots__ = (
        "_budget",
        "_compressed",
        "_dropping",
        "_expected",
        "_held",
        "_in_step",
        "_inflater",
        "_message",
        "_message_bytes_max",
        "_need",
        "_opcode",
        "_rest",
        "_skip",
    )

    def __init__(self, inflater: Inflater | None, budget: Budget, message_bytes_max: int) -> None:
        self._inflater = inflater
        self._budget = budget
        self._message_bytes_max = message_bytes_max
        self._expected = 0  # offset of the next byte
        self._in_step = True
        self._rest = bytearray()  # a frame that is not complete, from its first byte on
        self._need = 0  # bytes `_rest` must have before it is worth looking at
        self._skip = 0  # bytes of a frame above the limit still to come
        self._opcode = 0  # of the fragmented message in progress, 0 for none
        self._compressed = False
        self._message = bytearray()
        self._dropping = False  # pass over continuation frames up to the end of their message
        self._held = 0

    def feed(self, offset: int, boundary: int | None, payload: bytes) -> list[Item]:
        """Take one copy and give what became complete.

        Args:
            offset: Position of the payload's first byte in the direction.
            boundary: Index in the payload where a frame begins, or None.
            payload: Bytes as they passed.
        """
        items: list[Item] = []
        if offset != self._expected:
            self._lose(items, "copies-lost")
        self._expected = offset + len(payload)
        if not self._in_step:
            if boundary is None or boundary > len(payload):
                return items
            payload = payload[boundary:]
            self._in_step = True
        if self._rest:
            self._rest += payload
            if len(self._rest) < self._need:
                self._count_held(items)
                return items
            payload, self._rest = bytes(self._rest), bytearray()
        try:
            self._read(payload, items)
        except frames.FrameError:
            self._lose(items, "malformed-frame")
        self._count_held(items)
        return items

    def end(self) -> None:
        """Give back what is held; the stream is not fed again."""
        self._drop()
        self._count_held([])

    def _count_held(self, items: list[Item]) -> None:
        held = len(self._rest) + len(self._message)
        budget = self._budget
        if held > _SMALL_BYTES and budget.held_bytes + held - self._held > budget.limit_bytes:
            self._give_up(items)
            held = 0
        budget.held_bytes += held - self._held
        self._held = held

    def _give_up(self, items: list[Item]) -> None:
        """Let go of the message in progress and of the frame that has begun."""
        frame = frames.read_head(self._rest, 0) if self._need else None
        self._skip = self._need - len(self._rest) if self._need else 0
        self._rest, self._need = bytearray(), 0
        if frame:
            self._skip_frame(frame, items)
            return
        items.append(Loss("oversize"))
        if self._inflater and self._compressed:
            self._inflater.lose()
        self._message, self._opcode, self._dropping = bytearray(), 0, True

    def _drop(self) -> None:
        self._rest, self._message = bytearray(), bytearray()
        self._need = self._skip = self._opcode = 0

    def _lose(self, items: list[Item], reason: str) -> None:
        """Fall out of step."""
        items.append(Loss(reason))
        self._drop()
        self._in_step = False
        self._dropping = True
        if self._inflater:
            self._inflater.lose()

    def _read(self, data: bytes, items: list[Item]) -> None:
        at, size = min(self._skip, len(data)), len(data)
        self._skip -= at
        while at < size:
            frame = frames.read_head(data, at)
            if frame is None:
                self._keep(data, at, 0)
                return
            _, _, opcode, key, start, length = frame
            end = start + length
            if opcode < frames.CLOSE and length + len(self._message) > self._message_bytes_max:
                self._skip_frame(frame, items)
                at = min(end, size)
                self._skip = end - at
                continue
            if end > size:
                self._keep(data, at, end - at)
                return
            at = end
            if opcode == frames.CLOSE:
                body = data[start:end]
                items.append(Closing(frames.close_code(frames.unmask(body, key) if key else body)))
            elif opcode < frames.CLOSE:
                body = data[start:end]
                self._take(frame, frames.unmask(body, key) if key else body, items)

    def _keep(self, data: bytes, at: int, need: int) -> None:
        self._rest = bytearray(data[at:])
        self._need = need

    def _skip_frame(self, frame: frames.Frame, items: list[Item]) -> None:
        """Give up the message this frame belongs to."""
        if frame.opcode != frames.CONTINUATION or not self._dropping:
            items.append(Loss("oversize"))
            if self._inflater and (frame.compressed or self._compressed):
                self._inflater.lose()
        self._message = bytearray()
        self._opcode = 0
        self._dropping = not frame.final

    def _take(self, frame: frames.Frame, body: bytes, items: list[Item]) -> None:
        """Add the payload of a data frame to its message."""
        if frame.opcode == frames.CONTINUATION:
            if self._dropping:
                self._dropping = not frame.final
                return
            if not self._opcode or frame.compressed:
                raise frames.FrameError("continuation of nothing, or compressed by itself")
            self._message += body
            if not frame.final:
                return
            whole, self._message = bytes(self._message), bytearray()
        else:
            if self._opcode or (frame.compressed and not self._inflater):
                raise frames.FrameError("message within a message, or compression that was not agreed")
            self._dropping = False
            self._opcode, self._compressed = frame.opcode, frame.compressed
            if not frame.final:
                self._message += body
                return
            whole = body
        opcode, self._opcode = self._opcode, 0
        self._finish(opcode, whole, items)

    def _finish(self, opcode: int, whole: bytes, items: list[Item]) -> None:
        if self._compressed and self._inflater:
            try:
                whole = self._inflater.inflate(whole)
            except UnreadableError as unreadable:
                items.append(Loss(unreadable.reason))
                return
        if opcode == frames.TEXT:  # OCPP-J is text; a binary message is nobody's
            items.append(Text(whole))
