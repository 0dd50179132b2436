"""This file is the one token bucket of the relay; it guards that a pace has a bound and a burst has another."""

from collections.abc import Callable
from time import monotonic_ns

_NS_PER_S = 1_000_000_000


class Bucket:
    """Tokens: `burst` at first, `per_s` more each second, never above `burst`.

    Args:
        per_s: Tokens a second, above 0.
        burst: Tokens at most, 1 or more.
        clock_ns: A monotonic clock.
    """

    __slots__ = ("_burst", "_clock_ns", "_filled_ns", "_per_s", "_tokens")

    def __init__(self, per_s: float, burst: float, clock_ns: Callable[[], int] = monotonic_ns) -> None:
        self._per_s = per_s
        self._burst = burst
        self._clock_ns = clock_ns
        self._tokens = burst
        self._filled_ns = clock_ns()

    def take(self, most: int = 1) -> int:
        """Take up to so many whole tokens; give how many these were."""
        self._fill()
        taken = max(0, min(most, int(self._tokens)))
        self._tokens -= taken
        return taken

    def wait_s(self, tokens: int) -> float:
        """Give s until there are so many tokens if none is taken before, 0 for now."""
        self._fill()
        return max(0.0, (tokens - self._tokens) / self._per_s)

    def reserve(self, wait_s_max: float) -> float | None:
        """Take a token that is there or one to come.

        Returns:
            s until it is there; None, and nothing taken, where that is more than `wait_s_max`.
        """
        wait_s = self.wait_s(1)
        if wait_s > wait_s_max:
            return None
        self._tokens -= 1
        return wait_s

    def _fill(self) -> None:
        now = self._clock_ns()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_ns) * self._per_s / _NS_PER_S)
        self._filled_ns = now
