"""This file counts what may come at which pace; it guards that no flood, signed or forged, costs more than a little."""

from typing import Final

from isolane.core.clock import NS_PER_S, Clock

LOOKS_PER_S, LOOKS_BURST = 20.0, 100.0
"""Envelopes looked at. A look costs 0.25 ms if it is forged, 0.5 with two signatures: 1 % of a core at most."""
VERB_PER_S, VERB_BURST = 10 / 60, 10.0
"""Commands of one verb."""
ALL_PER_S, ALL_BURST = 30 / 60, 30.0
"""Commands of all verbs but those of class R4: whoever floods must not keep others from stopping him."""
REFUSALS_PER_S, REFUSALS_BURST = 10 / 60, 30.0
"""Refusals that are written down and answered one by one: anybody can send a copy of an old command."""
_MICRO: Final = 1e-6


class Bucket:
    """Tokens: `burst` at first, `per_s` more each second, never above `burst`."""

    def __init__(self, per_s: float, burst: float, clock: Clock) -> None:
        self._per_s, self._burst, self._clock = per_s, burst, clock
        self._tokens, self._filled_ns = burst, clock.mono_ns()

    def has(self) -> bool:
        """Tell whether there is a token."""
        now_ns = self._clock.mono_ns()
        self._tokens = min(self._burst, self._tokens + (now_ns - self._filled_ns) / NS_PER_S * self._per_s)
        self._filled_ns = now_ns
        return self._tokens >= 1 - _MICRO

    def take(self) -> bool:
        """Take a token; tell whether there was one."""
        if not self.has():
            return False
        self._tokens -= 1
        return True


class Pace:
    """The buckets of a gateway.

    Args:
        clock: The clock.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.looks = Bucket(LOOKS_PER_S, LOOKS_BURST, clock)
        self._all = Bucket(ALL_PER_S, ALL_BURST, clock)
        self._verbs: dict[str, Bucket] = {}

    def take(self, verb: str, *, is_urgent: bool) -> bool:
        """Take a token for a command of a verb that there is; tell whether there was one.

        Args:
            verb: Its name.
            is_urgent: Whether it is of class R4.
        """
        own = self._verbs.setdefault(verb, Bucket(VERB_PER_S, VERB_BURST, self._clock))
        if not own.has() or not (is_urgent or self._all.take()):
            return False
        return own.take()
