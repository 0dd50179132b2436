"""This file cuts the replies to own calls out of a charger's stream.

It guards that nothing else is missing from it, and that no byte of such a reply is left in.

Pure and incremental. Once an id was issued, a message is kept back until its head says whether it is a reply of ours:
some 45 bytes, which seldom come apart. Control frames that come meanwhile wait with it, so that the order stays. Then
its frames are dropped, or all of them pass; what stands between the fragments of a dropped message passes at once. A
message that ends, or is cut off, before its head is known passes. Only the id decides: a reply of ours that is no
JSON behind its id is dropped too, late, twice, or after everybody has forgotten it.

Dropped frames are held to the same limits as those that pass.
"""

from collections.abc import Callable
from enum import Enum, auto
from typing import Final

import msgspec

from isolane.value.legs.pace import Bucket
from isolane.value.legs.scan import Offence, Scanner
from isolane.value.own_calls.dialogue import Dialogue, Ids
from isolane.value.own_calls.frames import BINARY, CLOSE, CONTINUATION, RAW, TEXT, Cutter, Piece
from isolane.value.own_calls.heads import HEAD_BYTES_MAX, REPLIES, read_head
from isolane.value.settings import Limits

OnReply = Callable[[str, bytes | None], None]
"""Takes the id and the text of a reply; None for one that was too long to keep."""

REPLIES_PACE: Final = Offence("own-call-replies", 1008)
"""A charger that answers one call over and over; a reply that is dropped waits for nobody, so it is not slowed down."""
_UNPACED: Final = {"messages_per_s": 1e9, "messages_burst": 1_000_000_000}
_TEXTS: Final = (TEXT, BINARY)
_WAITING_MAX: Final = 2048
"""Parts of frames that wait; a message that is still not known by then is somebody's game and passes."""


class _Verdict(Enum):
    OPEN = auto()
    PASSES = auto()
    OURS = auto()


class Upward:
    """A charger's stream without our replies.

    Args:
        ids: Which replies are ours.
        dialogue: Follows the others.
        limits: See the top of this file.
        answer_bytes_max: Of a reply's text.
        on_reply: Called for each whole one.

    Attributes:
        offence: The limit that a dropped frame broke, None for none.
    """

    __slots__ = (
        "_bytes_max", "_cutter", "_dialogue", "_holding", "_id", "_ids", "_on_reply", "_replies", "_scanner",
        "_text", "_too_long", "_verdict", "_waiting", "offence",
    )  # fmt: skip

    def __init__(self, ids: Ids, dialogue: Dialogue, limits: Limits, answer_bytes_max: int, on_reply: OnReply) -> None:
        self._ids = ids
        self._dialogue = dialogue
        self._bytes_max = answer_bytes_max
        self._on_reply = on_reply
        self._cutter = Cutter(masked=True)
        self._scanner = Scanner(msgspec.structs.replace(limits, **_UNPACED), masked=True)
        self._replies = Bucket(limits.messages_per_s, limits.messages_burst)
        self._verdict = _Verdict.PASSES
        self._holding = False
        self._waiting: list[tuple[bytes, bool]] = []
        self._text = bytearray()
        self._too_long = False
        self._id = ""
        self.offence: Offence | None = None

    @property
    def over(self) -> bool:
        """Tell whether the charger has said goodbye, or what it sends are no frames."""
        return self._cutter.over

    def take(self, data: bytes) -> bytes:
        """Give what passes of what has come and of what has waited."""
        passing: list[bytes] = []
        for piece in self._cutter.cut(data):
            if piece.opcode in {RAW, CLOSE}:
                self._release(passing)
                passing.append(piece.wire)
            elif piece.control:
                self._pass_control(piece.wire, passing)
            else:
                self._take_data(piece, passing)
        return b"".join(passing)

    def end(self) -> bytes:
        """Give what has waited: nothing more comes."""
        passing: list[bytes] = []
        self._release(passing)
        passing.append(self._cutter.rest())
        return b"".join(passing)

    def _pass_control(self, wire: bytes, passing: list[bytes]) -> None:
        if not self._waiting:
            passing.append(wire)
            return
        self._waiting.append((wire, False))
        if len(self._waiting) > _WAITING_MAX:
            self._release(passing)

    def _take_data(self, piece: Piece, passing: list[bytes]) -> None:
        if piece.begins and piece.opcode != CONTINUATION:
            self._release(passing)
            self._verdict = _Verdict.OPEN if piece.opcode in _TEXTS else _Verdict.PASSES
            self._holding = self._ids.any
            self._text.clear()
            self._too_long = False
        if self._verdict is _Verdict.OPEN:
            self._look(piece, passing)
        elif self._verdict is _Verdict.OURS:
            self._collect(piece)
            self._drop(piece.wire)
        else:
            passing.append(piece.wire)
        if piece.final:
            if self._verdict is _Verdict.OURS:
                if not self._replies.take():
                    self.offence = self.offence or REPLIES_PACE
                self._on_reply(self._id, None if self._too_long else bytes(self._text))
            self._verdict = _Verdict.PASSES

    def _look(self, piece: Piece, passing: list[bytes]) -> None:
        """Find out what a message is that has begun."""
        self._collect(piece)
        if self._holding:
            self._waiting.append((piece.wire, True))
        else:
            passing.append(piece.wire)
        head = read_head(bytes(self._text[:HEAD_BYTES_MAX]))
        whole = head.whole or piece.final
        if self._holding and head.type in REPLIES and self._ids.knows(head.id):
            self._verdict, self._id = _Verdict.OURS, head.id
            self._bound()
            waiting, self._waiting = self._waiting, []
            for wire, data in waiting:
                if data:
                    self._drop(wire)
                else:
                    passing.append(wire)
            return
        if whole or head.type not in {0, *REPLIES}:
            self._release(passing)
        if whole:
            self._dialogue.charger_said(head)
            self._verdict = _Verdict.PASSES
            self._text.clear()

    def _collect(self, piece: Piece) -> None:
        if not self._too_long:
            self._text += piece.text()
            if self._verdict is _Verdict.OURS:
                self._bound()

    def _bound(self) -> None:
        if len(self._text) > self._bytes_max:
            self._too_long = True
            self._text.clear()

    def _drop(self, wire: bytes) -> None:
        if self.offence is None and self._scanner.scan(wire) != len(wire) and isinstance(self._scanner.stop, Offence):
            self.offence = self._scanner.stop

    def _release(self, passing: list[bytes]) -> None:
        """Let pass what has waited; of a message that has passed in part the rest passes too."""
        self._holding = False
        passing += [wire for wire, _ in self._waiting]
        self._waiting.clear()
