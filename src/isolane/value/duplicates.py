"""This file decides when an identity connects twice; it guards that a live connection never gives way to a guess.

A newcomer passes twice: before the CSMS is asked, so that a refused one never reaches it, and after the CSMS's 101,
which is when it is authenticated. Policies:

- ping-old: the old charger is asked (probe.py); if it is there the newcomer is refused, if it stays silent for
  `probe_s` the newcomer may ask the CSMS, and with its 101 takes the place, unless the old one was heard meanwhile.
- newest-if-authenticated: the newcomer asks the CSMS at once and with its 101 takes the place.
- refuse: the newcomer is refused while the old one is connected, were it only by name (limits.dead_s bounds that).

A refused newcomer is told 409 with Retry-After: no 4xx of OCPP-J fits better, and any answer but 101 makes a charger
wait and try again. A connection that has begun to end holds no identity.
"""

from typing import Final, Literal

from isolane.value.failures import Refused
from isolane.value.registry import Counted, Registry
from isolane.value.security_events import Kind, SecurityEvents

DuplicatePolicy = Literal["ping-old", "newest-if-authenticated", "refuse"]

_RETRY: Final = (("Retry-After", "10"),)


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

    async def admit(self, charger: str) -> Counted | None:
        """Let a newcomer ask the CSMS; give the connection whose place it may take, None for none.

        Raises:
            Refused: 409.
        """
        old = self._registry.holders.get(charger)
        if old is None or self.policy == "newest-if-authenticated":
            return old
        if self.policy == "refuse" or await old.is_answered(self.probe_s):
            raise Refused(409, "duplicate", _RETRY, detail=charger)
        return old

    def claim(self, charger: str, dead: Counted | None) -> None:
        """Give the identity to a newcomer that the CSMS has accepted, and end the old connection.

        Args:
            charger: The identity.
            dead: What `admit` gave.

        Raises:
            Refused: 409; somebody else was quicker, or the old one is there after all.
        """
        old = self._registry.holders.get(charger)
        if old is None:
            return
        if self.policy != "newest-if-authenticated" and not (old is dead and old.silent):
            raise Refused(409, "duplicate", _RETRY, detail=charger)
        self._events.report(Kind.DUPLICATE, charger=charger, detail=f"connection {old.number} gives way")
        old.give_way()
