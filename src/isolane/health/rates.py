"""This file holds telemetry at a rate for a while; it guards that every hold has an end by the monotonic clock."""

from collections.abc import Callable

from isolane.core.clock import NS_PER_S, Clock
from isolane.core.rungs import Rung
from isolane.health.rhythm import BURST_S_MAX


class Rates:
    """What may be sent at this moment, and for how long that is held; implements the port of `telemetry.set_rate`.

    Args:
        clock: Its monotonic side is used.
        rung: Tells what the budget allows.
        burst: Has what can be read in bursts read faster for so long, s.
        can_burst: Whether anything can.
    """

    def __init__(
        self, clock: Clock, rung: Callable[[], Rung], burst: Callable[[float], None], *, can_burst: bool
    ) -> None:
        self._clock, self._rung, self._burst, self._can_burst = clock, rung, burst, can_burst
        self._until_mono_ns = 0

    @property
    def rung(self) -> Rung:
        """How much is thinned now."""
        return Rung.FULL if self._clock.mono_ns() < self._until_mono_ns else self._rung()

    def full(self, seconds: float) -> float:
        """Have nothing thinned for so long from now on, 0: no longer; give for how long that is, s."""
        self._until_mono_ns = self._clock.mono_ns() + round(seconds * NS_PER_S)
        return seconds

    def rapid(self, seconds: float) -> float:
        """Read what can be read in bursts faster; give for how long, s, 0 where nothing can be."""
        if not self._can_burst:
            return 0.0
        for_s = min(seconds, BURST_S_MAX)
        self._burst(for_s)
        return for_s
