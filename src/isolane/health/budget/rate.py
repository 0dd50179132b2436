"""This file measures how much is sent; it guards that a burst is not taken for a habit.

An average over six hours that forgets exponentially; before six hours have passed, over the time there was.
"""

import math

_MEMORY_S = 21_600.0
_SURE_S = 600.0
"""Over less than this a rate says nothing; it is reckoned as if so much time had passed."""


class Rate:
    """Bytes a second.

    Args:
        now_ns: Monotonic clock.
    """

    def __init__(self, now_ns: int) -> None:
        self.begin(now_ns)

    def begin(self, now_ns: int) -> None:
        """Forget what was, since what is sent has changed."""
        self._began_ns = self._at_ns = now_ns
        self._sum = 0.0

    def add(self, size: int, now_ns: int) -> None:
        """Take bytes."""
        self._fade(now_ns)
        self._sum += size

    def bytes_s(self, now_ns: int) -> float:
        """Give the average, bytes a second."""
        self._fade(now_ns)
        known_s = max(_SURE_S, (now_ns - self._began_ns) / 1e9)
        return self._sum / (_MEMORY_S * (1 - math.exp(-known_s / _MEMORY_S)))

    def _fade(self, now_ns: int) -> None:
        if now_ns > self._at_ns:
            self._sum *= math.exp(-(now_ns - self._at_ns) / 1e9 / _MEMORY_S)
            self._at_ns = now_ns
