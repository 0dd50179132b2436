"""This file is what a worker decides together with the others.

It guards that a rule about all chargers holds although each worker sees some.

- An identity that connects twice: the supervisor is asked (claims.py), once before the CSMS is asked and once after
  its 101. Nobody is answered for by this file without a question to the worker that has the old connection.
- Failed authentications: every worker counts those of all; what one counts it tells the others. A guess takes a tenth
  of a second to be checked and a millisecond to be told, so N workers let through N - 1 guesses more at most.
- Learned passwords: the worker that has learned one tells the others before the charger is answered, so that the one
  before is wrong everywhere, even where the disk does not take the new one. A worker that is told late asks the CSMS.
"""

from isolane.value.access.attempts import Attempts
from isolane.value.access.credentials import Verification, Verifier
from isolane.value.failures import Refused
from isolane.value.legs.duplicates import RETRY, Duplicates
from isolane.value.registry import Counted, Registry
from isolane.value.security_events import SecurityEvents
from isolane.value.settings import ValueSettings
from isolane.value.workers.link import Link
from isolane.value.workers.messages import Admit, Asked, Claim, Decision, Guess, Learned, Leave, Release, Verdict

_NUMBERS = 10**12
"""Connections that one worker counts before its numbers would be the next one's."""


class SharedRegistry(Registry):
    """The registry of a worker: its numbers are no other worker's, and it says when an identity or a place is free.

    Args:
        worker: Its number.
    """

    def __init__(self, worker: int) -> None:
        super().__init__()
        self._first = worker * _NUMBERS
        self.places: dict[int, SharedPlace] = {}

    def next_number(self) -> int:
        """Give a connection number that no worker has used."""
        return self._first + super().next_number()

    def release(self, connection: Counted) -> None:
        """See `Registry.release`."""
        super().release(connection)
        if connection.number in self.places:
            self.places[connection.number].release()

    def forget(self, connection: Counted) -> None:
        """See `Registry.forget`."""
        super().forget(connection)
        place = self.places.pop(connection.number, None)
        if place is not None:
            place.end()


class SharedPlace:
    """A newcomer that waits for its identity, then its connection; see `duplicates.Place`."""

    __slots__ = ("_charger", "_connection", "_duplicates", "released", "ticket")

    def __init__(self, duplicates: "SharedDuplicates", ticket: int, charger: str) -> None:
        self._duplicates = duplicates
        self._charger = charger
        self._connection: Counted | None = None
        self.released = False
        self.ticket = ticket

    async def claim(self) -> None:
        """See `duplicates.Place`."""
        await self._duplicates.decide(Claim(self._duplicates.link.number(), self.ticket), self._charger)

    def hold(self, connection: Counted) -> None:
        """See `duplicates.Place`."""
        self._connection = connection
        self._duplicates.registry.places[connection.number] = self

    def leave(self) -> None:
        """See `duplicates.Place`."""
        if self._connection is None:
            self.end()

    def release(self) -> None:
        """Say that the identity is free. Calling it again does nothing."""
        if not self.released:
            self.released = True
            self._duplicates.link.send(Release(self.ticket))

    def end(self) -> None:
        """Say that nobody is here any more. Calling it again does nothing."""
        if self._duplicates.places.pop(self.ticket, None) is not None:
            self._duplicates.link.send(Leave(self.ticket))

    async def is_answered(self, wait_s: float) -> bool:
        """Tell whether the charger is there; one that is being answered right now is."""
        return self._connection is None or (not self.released and await self._connection.is_answered(wait_s))

    def gives_way(self, *, force: bool) -> Counted | None:
        """Give the connection if it may be ended for a newcomer."""
        old = self._connection
        return old if old is not None and (force or old.silent) else None


class SharedDuplicates(Duplicates):
    """See `Duplicates`.

    Args:
        link: To the supervisor.
        registry: The worker's.
        events: Who is told.
        settings: The [value] table.

    Attributes:
        connections: Chargers at once, of all workers together.
        places: Those who came, by ticket.
    """

    def __init__(self, link: Link, registry: SharedRegistry, events: SecurityEvents, settings: ValueSettings) -> None:
        super().__init__(registry, events, settings.duplicates, settings.limits.probe_s)
        self.registry = registry
        self.link = link
        self.connections = settings.limits.connections
        self.places: dict[int, SharedPlace] = {}

    async def admit(self, charger: str) -> SharedPlace:
        """See `Duplicates.admit`."""
        question = self.link.number()
        place = self.places[question] = SharedPlace(self, question, charger)
        try:
            await self.decide(
                Admit(question, place.ticket, charger, self.policy, self.probe_s, self.connections), charger
            )
        except BaseException:
            place.end()
            raise
        return place

    async def decide(self, asked: Asked, charger: str) -> None:
        """Ask the supervisor.

        Raises:
            Refused: 409, 503.
        """
        verdict = await self.link.ask(asked)
        if not isinstance(verdict, Verdict):
            raise Refused(503, "shutdown", RETRY, detail="the supervisor is gone")
        if verdict.decision is Decision.FULL:
            raise Refused(503, "full", RETRY)
        if verdict.decision is not Decision.GRANTED:
            raise Refused(409, "duplicate", RETRY, detail=charger)

    async def is_answered(self, ticket: int, wait_s: float) -> bool:
        """Tell whether a charger of this worker is there."""
        place = self.places.get(ticket)
        return place is not None and await place.is_answered(wait_s)

    def give_way(self, ticket: int, *, force: bool) -> bool:
        """End a connection of this worker for a newcomer, if it may be; tell whether it is no more."""
        place = self.places.get(ticket)
        if place is None or place.released:
            return True
        old = place.gives_way(force=force)
        if old is not None:
            self.end(old)
        return old is not None


class SharedAttempts(Attempts):
    """See `Attempts`.

    Args:
        failures: See `Attempts`.
        link: To the supervisor, which tells the other workers.
    """

    def __init__(self, failures: int, link: Link) -> None:
        super().__init__(failures)
        self._link = link

    def begin(self, peer: str, charger: str) -> None:
        """See `Attempts.begin`."""
        super().begin(peer, charger)
        self._link.send(Guess("begin", peer, charger))

    def succeeded(self, peer: str, charger: str) -> None:
        """See `Attempts.succeeded`."""
        super().succeeded(peer, charger)
        self._link.send(Guess("succeeded", peer, charger))

    def heed(self, guess: Guess) -> None:
        """Count what another worker has counted."""
        if guess.what == "begin":
            super().begin(guess.peer, guess.charger)
        else:
            super().succeeded(guess.peer, guess.charger)


class SharedPasswords:
    """What the workers have learned of chargers' passwords.

    Args:
        verification: This worker's.
        link: To the supervisor, which tells the other workers.
    """

    def __init__(self, verification: Verification, link: Link) -> None:
        self._verification = verification
        self._link = link
        verification.learned = self._tell

    def heed(self, learned: Learned) -> None:
        """Know what another worker has learned."""
        verifier = Verifier(bytes.fromhex(learned.salt), bytes.fromhex(learned.key))
        self._verification.take(learned.charger, verifier)

    def _tell(self, charger: str, verifier: Verifier) -> None:
        self._link.send(Learned(charger, verifier.salt.hex(), verifier.key.hex()))
