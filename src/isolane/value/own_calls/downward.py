"""This file holds a call of the CSMS back while a charger answers an own call.

It guards that nothing but calls ever waits, that none waits longer than its window, and that the order stays.

Pure but for its clock. Outside a window every byte passes as it comes. Within one, a message that may be a CALL waits;
whatever else comes behind it (an answer of the CSMS, a control frame, a Close frame, the end) lets it go at once, for
these may not wait and may not overtake. The window is closed by whoever opened it: with the reply, or with the bound.
"""

from collections.abc import Callable
from time import monotonic_ns
from typing import Final

from isolane.value.own_calls.dialogue import Dialogue
from isolane.value.own_calls.frames import BINARY, CONTINUATION, RAW, TEXT, Cutter, Piece
from isolane.value.own_calls.heads import CALL, HEAD_BYTES_MAX, read_head

HELD_BYTES_MAX: Final = 65_536
"""The longest real CALLs (a local list, a certificate) have half of it; a longer one does not wait."""
_BOOT_BYTES_MAX: Final = 65_536
_TEXTS: Final = (TEXT, BINARY)


class Downward:
    """A CSMS's stream, in which own calls may be put between two messages.

    Args:
        dialogue: Follows it.
        on_held: Takes for how long a CALL has waited, in ns.
        clock_ns: A monotonic clock.

    Attributes:
        window: Whether CALLs wait.
        held_bytes: What waits.
    """

    __slots__ = (
        "_began_ns", "_calls_ns", "_clock_ns", "_cutter", "_dialogue", "_held", "_holding", "_keeping", "_on_held",
        "_reading", "_text", "held_bytes", "window",
    )  # fmt: skip

    def __init__(
        self, dialogue: Dialogue, on_held: Callable[[int], None], clock_ns: Callable[[], int] = monotonic_ns
    ) -> None:
        self._dialogue = dialogue
        self._on_held = on_held
        self._clock_ns = clock_ns
        self._cutter = Cutter(masked=False)
        self._held: list[bytes] = []
        self._calls_ns: list[int] = []
        self._began_ns = 0
        self._holding = False
        self._reading = False
        self._keeping = False
        self._text = bytearray()
        self.window = False
        self.held_bytes = 0

    @property
    def between(self) -> bool:
        """Tell whether an own call may be put here."""
        return self._cutter.between and not self._held

    @property
    def over(self) -> bool:
        """Tell whether the CSMS has said goodbye, or what it sends are no frames."""
        return self._cutter.over

    def take(self, data: bytes) -> bytes:
        """Give what passes of what has come and of what has waited."""
        passing: list[bytes] = []
        for piece in self._cutter.cut(data):
            if piece.opcode == RAW or piece.control:
                self._let_go(passing)
                passing.append(piece.wire)
            else:
                self._take_data(piece, passing)
        return b"".join(passing)

    def close_window(self) -> bytes:
        """Give what has waited; nothing waits any more."""
        self.window = False
        passing: list[bytes] = []
        self._let_go(passing)
        return b"".join(passing)

    def end(self) -> bytes:
        """Give everything that is left: nothing more comes."""
        return self.close_window() + self._cutter.rest()

    def _take_data(self, piece: Piece, passing: list[bytes]) -> None:
        if piece.begins and piece.opcode != CONTINUATION:
            self._reading = piece.opcode in _TEXTS
            self._keeping = False
            self._holding = self.window and self._reading
            if self._holding:
                self._began_ns = self._clock_ns()
            elif self._held:
                self._let_go(passing)
            self._text.clear()
        if self._reading:
            self._look(piece, passing)
        elif self._keeping:
            self._keep(piece)
        if self._holding:
            self._held.append(piece.wire)
            self.held_bytes += len(piece.wire)
            if self.held_bytes > HELD_BYTES_MAX:
                self._let_go(passing)
        else:
            passing.append(piece.wire)
        if piece.final and self._keeping:
            self._keeping = False
            self._dialogue.boot_answered(bytes(self._text))

    def _look(self, piece: Piece, passing: list[bytes]) -> None:
        """Find out what a message is that has begun."""
        self._text += piece.text()
        head = read_head(bytes(self._text[:HEAD_BYTES_MAX]))
        whole = head.whole or piece.final
        if self._holding and head.type != CALL and (head.type or whole):
            self._let_go(passing)
        if not whole:
            return
        self._reading = False
        if self._holding:
            self._calls_ns.append(self._began_ns)
        self._keeping = self._dialogue.csms_said(head)

    def _keep(self, piece: Piece) -> None:
        """Keep the answer to a boot; of one that is too long nothing."""
        if self._text:
            self._text += piece.text()
            if len(self._text) > _BOOT_BYTES_MAX:
                self._text.clear()

    def _let_go(self, passing: list[bytes]) -> None:
        self._holding = False
        if not self._held:
            return
        passing += self._held
        self._held.clear()
        self.held_bytes = 0
        now = self._clock_ns()
        for began_ns in self._calls_ns:
            self._on_held(now - began_ns)
        self._calls_ns.clear()
