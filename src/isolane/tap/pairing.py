"""This file pairs answers with their calls; it guards that an answer is never paired with a call it does not belong to.

Pure. An id may be used again, so whoever missed anything of a connection calls `forget`: what was asked before the
gap might meet an answer from behind it. Bounded: the oldest call of a direction makes room.
"""

from typing import NamedTuple

from isolane.tap.register_series import Sample
from isolane.wire.tap_copy import Direction


class Call(NamedTuple):
    """A call that waits for its answer.

    Attributes:
        action: Known action, or "other".
        mono_ns: When the relay read its last byte.
        evse: What StartTransaction said, for the fact that its answer completes; 0 for other actions.
        start: What StartTransaction said of its meter, None for other actions.
    """

    action: str
    mono_ns: int
    evse: int
    start: Sample | None = None


class Pairing:
    """The open calls of one connection, those of both ends.

    Args:
        calls_max: Open calls kept for each end. OCPP allows one; real chargers send some more.
    """

    __slots__ = ("_calls_max", "_open")

    def __init__(self, calls_max: int) -> None:
        self._calls_max = calls_max
        self._open: tuple[dict[bytes, Call], dict[bytes, Call]] = ({}, {})

    def ask(self, caller: Direction, identity: bytes, call: Call) -> bool:
        """Remember a call; False where an older one had to make room."""
        calls = self._open[caller]
        calls.pop(identity, None)
        calls[identity] = call
        if len(calls) <= self._calls_max:
            return True
        del calls[next(iter(calls))]
        return False

    def answer(self, answerer: Direction, identity: bytes) -> Call | None:
        """Give the call that an answer belongs to, once."""
        return self._open[1 - answerer].pop(identity, None)

    def forget(self) -> None:
        """Drop every open call: something was missed."""
        for calls in self._open:
            calls.clear()

    def __len__(self) -> int:
        """Count the open calls."""
        return sum(map(len, self._open))
