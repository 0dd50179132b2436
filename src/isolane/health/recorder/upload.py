"""This file remembers how far a snapshot is on its way to the center; it guards that a part counts only when answered.

A snapshot is its cards and the parts of its file, each a paper with a key. What has been put into the outbox waits
until the center acknowledges that key. A key that is no more in the outbox, and was not acknowledged, was given up
there, or the answer came before a kill: the part is put again. One that comes twice does no harm at the center.
"""

from collections.abc import Iterator

import msgspec

from isolane.wire.snapshot import CHUNK_BYTES, OPEN, PARTS_MAX, Card

Key = tuple[int, int, int]
"""(epoch, stream, sequence) of a paper."""
OPEN_CARD, END_CARD = -2, -1
"""The cards, numbered before the parts."""


class Upload(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How far one snapshot is.

    Attributes:
        below: All parts of a lower number are at the center.
        beyond: What else is there.
        waiting: What is in the outbox: number, and the paper's key.
    """

    below: int = 0
    beyond: list[int] = msgspec.field(default_factory=list)
    waiting: dict[int, Key] = msgspec.field(default_factory=dict)

    def has(self, number: int) -> bool:
        """Tell whether a part or card is at the center."""
        return 0 <= number < self.below or number in self.beyond

    def put(self, number: int, key: Key) -> None:
        """A part or card is in the outbox."""
        self.waiting[number] = key

    def lose(self, number: int) -> None:
        """It is no more in the outbox, and nobody knows whether it is at the center."""
        self.waiting.pop(number, None)

    def arrive(self, number: int) -> None:
        """It is at the center."""
        self.waiting.pop(number, None)
        if not self.has(number):
            self.beyond.append(number)
        while self.below in self.beyond:
            self.beyond.remove(self.below)
            self.below += 1

    def due(self, card: Card) -> Iterator[int]:
        """Give what is to be put into the outbox now, in its order; of a file that is too large only the card."""
        first = OPEN_CARD if card.state == OPEN else END_CARD
        parts = range(self.below, parts_of(card)) if card.state != OPEN else ()
        for number in (first, *parts):
            if number not in self.waiting and not self.has(number):
                yield number

    def is_done(self, card: Card) -> bool:
        """Tell whether the center has all of it."""
        return card.state != OPEN and self.has(END_CARD) and 0 < card.size <= self.below * CHUNK_BYTES


def parts_of(card: Card) -> int:
    """Give how many parts a file has; 0 if it is too large to be sent."""
    parts = (card.size + CHUNK_BYTES - 1) // CHUNK_BYTES
    return parts if parts <= PARTS_MAX else 0
