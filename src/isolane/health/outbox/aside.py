"""This file sets messages aside that a broker or center will not take; it guards that none goes round for ever.

A refused message waits, each time twice as long, up to an hour, while others go; age ends it in the outbox. A message
that was on its way, and not yet taken, when three sessions in a row ended is suspected of ending them: it goes alone,
when nothing else is to be sent. If that session ends too, it waits like a refused one; if it is taken, or a session
ends without it, it is innocent. If very many are aside, it is the link that is ill and not the messages, and all may go
again.
"""

from collections.abc import Collection

from isolane.core.clock import NS_PER_S, Clock
from isolane.health.outbox.records import Key

_PAUSE_S = 60.0
_PAUSE_S_MAX = 3600.0
_STRIKES = 3
_ASIDE_MAX = 256


class Aside:
    """What one link does not send for a while, or only alone.

    Args:
        clock: For the pauses.
    """

    def __init__(self, clock: Clock) -> None:
        self.count = 0
        """Times a message was set aside since the start."""
        self._clock = clock
        self._strikes: dict[Key, int] = {}
        self._suspects: set[Key] = set()
        self._until: dict[Key, tuple[int, float]] = {}

    def put(self, key: Key) -> None:
        """Set a message aside."""
        if len(self._until) >= _ASIDE_MAX:
            self._until.clear()
            self._suspects.clear()
        _, last_s = self._until.get(key, (0, _PAUSE_S / 2))
        pause_s = min(2 * last_s, _PAUSE_S_MAX)
        self._until[key] = self._clock.mono_ns() + int(pause_s * NS_PER_S), pause_s
        self._strikes.pop(key, None)
        self.count += 1

    def session_ended(self, in_flight: Collection[Key]) -> None:
        """Suspect what was on its way; what was not is no longer suspected."""
        if not in_flight:
            return
        for key in self._suspects.difference(in_flight):
            self.settled(key)
        self._strikes = {key: self._strikes.get(key, 0) + 1 for key in in_flight}
        if len(in_flight) == 1 and self._suspects.issuperset(in_flight):
            self.put(next(iter(in_flight)))
        self._suspects.update(key for key in in_flight if self._strikes.get(key, 0) >= _STRIKES)

    def settled(self, key: Key) -> None:
        """The broker or the center has taken it."""
        self._strikes.pop(key, None)
        self._until.pop(key, None)
        self._suspects.discard(key)

    def keys(self) -> frozenset[Key]:
        """What must not go now with others."""
        return self._waiting() | self._suspects

    def alone(self) -> Key | None:
        """Give a suspect that may go now, alone."""
        return min(self._suspects - self._waiting(), default=None)

    def next_ns(self) -> list[int]:
        """When the next may go again, on the monotonic clock; nothing if none waits."""
        now = self._clock.mono_ns()
        return sorted(until for until, _ in self._until.values() if until > now)[:1]

    def _waiting(self) -> frozenset[Key]:
        now = self._clock.mono_ns()
        return frozenset(key for key, (until, _) in self._until.items() if until > now)
