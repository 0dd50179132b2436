"""This file holds who has which identity, for all workers; it guards that of any number of newcomers one gets it.

Operation, for one newcomer: `admit` takes a place (places are what `limits.connections` counts) and says whether it
may ask the CSMS; where the answer is ASK, `ask_old` waits for the old charger's worker. After the CSMS's 101 `claim`
gives the identity, or says ASK, and `take_over` has the old one's worker end it first; meanwhile nobody else gets it.
`release` frees the identity when a connection begins to end, `leave` the place when it is gone. What can be decided
at once is decided in the order in which the workers said it. The rule itself is that of value/legs/duplicates.py.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from isolane.value.workers.link import Link
from isolane.value.workers.messages import Admit, Claim, Decision, Heard, Leave, Probe, Release, Verdict, Yield

_SPARE_S: Final = 2.0
"""Beyond what a charger gets to answer, for its worker to say so. A worker that hangs keeps its identities."""

_Ask = Callable[[Link, int], Awaitable[Decision]]


@dataclass(slots=True, eq=False)
class Place:
    """A newcomer or a connection; `old` held the identity when it came."""

    link: Link
    ticket: int
    charger: str
    force: bool
    probe_s: float
    old: "Place | None" = None


class Claims:
    """The identities and places of all workers.

    Attributes:
        holders: Places by identity.
    """

    def __init__(self) -> None:
        self.holders: dict[str, Place] = {}
        self._places: dict[tuple[Link, int], Place] = {}
        self._changing: dict[tuple[Link, int], str] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def heed(self, link: Link, message: Admit | Claim | Release | Leave) -> None:
        """Do what a worker says, and answer where it asks."""
        match message:
            case Release():
                self.release(link, message.ticket)
            case Leave():
                self.leave(link, message.ticket)
            case Admit():
                self._answer(link, message, self.admit(link, message), self.ask_old)
            case Claim():
                self._answer(link, message, self.claim(link, message.ticket), self.take_over)

    def _answer(self, link: Link, asked: Admit | Claim, decision: Decision, ask: _Ask) -> None:
        if decision is not Decision.ASK:
            link.send(Verdict(asked.question, decision))
            return

        async def decide() -> None:
            link.send(Verdict(asked.question, await ask(link, asked.ticket)))

        task = asyncio.create_task(decide())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def admit(self, link: Link, asked: Admit) -> Decision:
        """Let a newcomer ask the CSMS, or not, or ASK."""
        if len(self._places) >= asked.connections:
            return Decision.FULL
        old = self.holders.get(asked.charger)
        force = asked.policy == "newest-if-authenticated"
        if old is not None and asked.policy == "refuse":
            return Decision.DUPLICATE
        place = Place(link, asked.ticket, asked.charger, force, asked.probe_s, old)
        self._places[link, asked.ticket] = place
        return Decision.GRANTED if old is None or force else Decision.ASK

    async def ask_old(self, link: Link, ticket: int) -> Decision:
        """Decide where `admit` said ASK."""
        place = self._places.get((link, ticket))
        old = place.old if place is not None else None
        if place is None or old is None:
            return Decision.GRANTED
        question = Probe(old.link.number(), old.ticket, place.probe_s)
        answer = await old.link.ask(question, place.probe_s + _SPARE_S)
        if answer.yes if isinstance(answer, Heard) else not old.link.gone:
            self.leave(link, ticket)
            return Decision.DUPLICATE
        return Decision.GRANTED

    def claim(self, link: Link, ticket: int) -> Decision:
        """Give the identity to a newcomer that the CSMS has accepted, or not, or ASK."""
        place = self._places.get((link, ticket))
        if place is None or place.charger in self._changing.values():
            return Decision.DUPLICATE
        old = self.holders.get(place.charger)
        if old is None:
            self.holders[place.charger] = place
            return Decision.GRANTED
        if not (place.force or old is place.old):
            return Decision.DUPLICATE
        self._changing[link, ticket] = place.charger
        return Decision.ASK

    async def take_over(self, link: Link, ticket: int) -> Decision:
        """Decide where `claim` said ASK: have the old one end."""
        place, old = self._places.get((link, ticket)), self.holders.get(self._changing[link, ticket])
        try:
            if place is None or (old is not None and not await _gives_way(old, force=place.force)):
                return Decision.DUPLICATE
            if self._places.get((link, ticket)) is not place:
                return Decision.DUPLICATE
            self.holders[place.charger] = place
            return Decision.GRANTED
        finally:
            del self._changing[link, ticket]

    def release(self, link: Link, ticket: int) -> None:
        """Free the identity of a connection. Calling it again does nothing."""
        place = self._places.get((link, ticket))
        if place is not None and self.holders.get(place.charger) is place:
            del self.holders[place.charger]

    def leave(self, link: Link, ticket: int) -> None:
        """Free identity and place. Calling it again does nothing."""
        self.release(link, ticket)
        self._places.pop((link, ticket), None)

    def drop(self, link: Link) -> None:
        """Free everything of a worker that is gone."""
        for _, ticket in [key for key in self._places if key[0] is link]:
            self.leave(link, ticket)


async def _gives_way(old: Place, *, force: bool) -> bool:
    answer = await old.link.ask(Yield(old.link.number(), old.ticket, force), _SPARE_S)
    return answer.yes if isinstance(answer, Heard) else force or old.link.gone
