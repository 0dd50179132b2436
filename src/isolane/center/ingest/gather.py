"""This file gathers acknowledgements into fewer answers; it guards that none waits long, and nothing else waits at all.

A gateway that sends a block every second would get an answer every second, and on its link each answer costs more than
the block's header. Only acknowledgements of blocks are gathered: a wanted schema, poison and gaps go at once. The first
answer after a pause goes at once too, so a gateway that sends a block a minute waits for nothing, and one that brings
its history back is answered every few blocks, before its window is full.
"""

from collections.abc import Iterable

from isolane.wire.uplink import Downlink

Sender = tuple[str, str]
"""Site and gateway."""

BLOCKS_MAX = 8
"""Half of a gateway's usual window: with so many waiting the answer goes."""


class Gathering:
    """The answers that wait, by gateway.

    Args:
        every_s: From one answer to the next while only acknowledgements wait, s; 0 gathers nothing.
    """

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._waiting: dict[Sender, list[Downlink]] = {}
        self._last_s: dict[Sender, float] = {}

    def add(self, sender: Sender, answer: Downlink) -> None:
        """Keep an answer."""
        self._waiting.setdefault(sender, []).append(answer)

    def clear(self) -> None:
        """Forget all: they will be asked for again."""
        self._waiting.clear()

    def take(self, now_s: float) -> dict[Sender, list[Downlink]]:
        """Give the answers that are due, and forget them."""
        due = {sender: answers for sender, answers in self._waiting.items() if self._due_s(sender) <= now_s}
        for sender in due:
            del self._waiting[sender]
            self._last_s[sender] = now_s
        return due

    def wait_s(self, now_s: float) -> float | None:
        """Give how long until one is due by time alone; None if nothing waits."""
        dues = [self._due_s(sender) for sender in self._waiting]
        return max(0.0, min(dues) - now_s) if dues else None

    def _due_s(self, sender: Sender) -> float:
        answers = self._waiting[sender]
        if _urgent(answers):
            return float("-inf")
        return self._last_s.get(sender, float("-inf")) + self._every_s


def _urgent(answers: Iterable[Downlink]) -> bool:
    blocks = 0
    for answer in answers:
        blocks += sum(len(ack.blocks) for ack in answer.acks)
        if answer.want or answer.poison or any(ack.gaps for ack in answer.acks) or blocks >= BLOCKS_MAX:
            return True
    return False
