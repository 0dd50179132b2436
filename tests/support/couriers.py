"""This file plays the cursor for one link; it guards that each message is answered for exactly once."""

import asyncio
from dataclasses import dataclass, field

from isolane.wire.uplink import Downlink, Gap, Up, encode
from support.target_rows import T0_MS


@dataclass(frozen=True)
class Letter:
    """A message to send."""

    kind: Up
    data: bytes


def gap(number: int) -> Letter:
    """Make a gap record of that number."""
    return Letter(Up.GAP, encode(Gap(1, 5, 0, number, number, 10, "expired", 1000, T0_MS + number)))


@dataclass
class Errands:
    """Hands out letters once each and remembers what became of them."""

    letters: list[Letter]
    sent_letters: list[Letter] = field(default_factory=list)
    back_letters: list[Letter] = field(default_factory=list)
    refused_letters: list[Letter] = field(default_factory=list)
    answers: list[Downlink] = field(default_factory=list)
    begun: int = 0
    came: asyncio.Event = field(default_factory=asyncio.Event)
    """Set it when there are more letters."""

    async def begin(self) -> None:
        """Count a session."""
        self.begun += 1

    async def next(self) -> Letter:
        """Give the next letter, or wait until there is one."""
        while not self.letters:
            self.came.clear()
            await self.came.wait()
        return self.letters.pop(0)

    async def answer(self, downlink: Downlink) -> None:
        """Remember an answer."""
        self.answers.append(downlink)

    def sent(self, message: Letter) -> None:
        """Remember a success."""
        self.sent_letters.append(message)

    def back(self, message: Letter) -> None:
        """Remember a failure; the letter goes again, last."""
        self.back_letters.append(message)
        self.letters.append(message)
        self.came.set()

    def refuse(self, message: Letter) -> None:
        """Remember a refusal."""
        self.refused_letters.append(message)
