"""This file decides when an identity connects twice; it guards that a live connection never gives way to a guess.

A newcomer passes twice: before the CSMS is asked, so that a refused one never reaches it, and after the CSMS's 101,
which is when it is authenticated. Policies:

- ping-old: the old charger is asked (probe.py); if it is there the newcomer is refused, if it stays silent for
  `probe_s` the newcomer may ask the CSMS, and with its 101 takes the place, unless the old one was heard meanwhile.
- newest-if-authenticated: the newcomer asks the CSMS at once and with its 101 takes the place.
- refuse: the newcomer is refused while the old one is connected, were it only by name (limits.dead_s bounds that).

Newcomers of one identity that have proved who they are ask the CSMS one after the other (`turn`): those that were let
in together, while the password of the first was being checked, would all be dialled, and all but one in vain.

A refused newcomer is told 409 with Retry-After: no 4xx of OCPP-J fits better, and any answer but 101 makes a charger
wait and try again. A connection that has begun to end holds no identity.
"""

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Final, Literal, Protocol
from weakref import WeakValueDictionary

from isolane.value.failures import Refused
from isolane.value.registry import Counted, Registry
from isolane.value.security_events import Kind, SecurityEvents

DuplicatePolicy = Literal["ping-old", "newest-if-authenticated", "refuse"]

RETRY: Final = (("Retry-After", "10"),)


class Place(Protocol):
    """A newcomer that may ask the CSMS."""

    async def claim(self) -> None:
        """Give it the identity, because the CSMS has accepted it, and end the old connection.

        Raises:
            Refused: 409; somebody else was quicker, or the old one is there after all.
        """

    def hold(self, connection: Counted) -> None:
        """Know the connection that the newcomer has become."""

    def leave(self) -> None:
        """Give the identity back, unless there is a connection, which gives it back when it ends."""


class Duplicates:
    """Decides for every newcomer.

    Args:
        registry: Who is connected.
        events: Who is told; the entrance tells of those that are refused.
        policy: See the top of this file.
        probe_s: s that an old charger gets to answer.
    """

    def __init__(self, registry: Registry, events: SecurityEvents, policy: DuplicatePolicy, probe_s: float) -> None:
        self._registry = registry
        self._events = events
        self.policy = policy
        self.probe_s = probe_s
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def turn(self, charger: str) -> AbstractAsyncContextManager[None]:
        """Give what a newcomer holds while it asks the CSMS.

        It is for those alone who have proved who they are: a stranger could keep the charger waiting with it.
        """
        if self.policy == "newest-if-authenticated":
            return nullcontext()
        turn = self._turns.get(charger)
        if turn is None:
            turn = self._turns[charger] = asyncio.Lock()
        return turn

    async def admit(self, charger: str) -> Place:
        """Let a newcomer ask the CSMS.

        Raises:
            Refused: 409.
        """
        old = self._registry.holders.get(charger)
        if old is None or self.policy == "newest-if-authenticated":
            return _Place(self, charger, old)
        if self.policy == "refuse" or await old.is_answered(self.probe_s):
            raise Refused(409, "duplicate", RETRY, detail=charger)
        return _Place(self, charger, old)

    def claim(self, charger: str, dead: Counted | None) -> None:
        """See `Place.claim`; `dead` is whose place the newcomer may take."""
        old = self._registry.holders.get(charger)
        if old is None:
            return
        if self.policy != "newest-if-authenticated" and not (old is dead and old.silent):
            raise Refused(409, "duplicate", RETRY, detail=charger)
        self.end(old)

    def end(self, old: Counted) -> None:
        """End a connection for a newcomer."""
        detail = f"connection {old.number} gives way"
        self._events.report(Kind.DUPLICATE, peer=old.peer, charger=old.charger, detail=detail)
        old.give_way()


class _Place:
    """A newcomer in a relay that is one process: its connection is known to the registry, so there is nothing to keep.

    `claim` never lets anybody else run, so between it and the connection nobody can come.
    """

    __slots__ = ("_charger", "_dead", "_duplicates")

    def __init__(self, duplicates: Duplicates, charger: str, dead: Counted | None) -> None:
        self._duplicates = duplicates
        self._charger = charger
        self._dead = dead

    async def claim(self) -> None:
        self._duplicates.claim(self._charger, self._dead)

    def hold(self, connection: Counted) -> None:
        pass

    def leave(self) -> None:
        pass
