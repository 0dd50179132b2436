"""This file says how long to wait before the next attempt; it guards that many gateways never come back in step."""

import random

_FIRST_S = 1.0


class Backoff:
    """Doubling pauses, each drawn from the upper half of its range.

    Args:
        pause_s_max: The longest, s.
    """

    def __init__(self, pause_s_max: float) -> None:
        self._pause_s_max = pause_s_max
        self._pause_s = _FIRST_S

    def pause_s(self) -> float:
        """Give the next pause, s."""
        ceiling = min(self._pause_s, self._pause_s_max)
        self._pause_s = min(2 * self._pause_s, self._pause_s_max)
        return ceiling * random.uniform(0.5, 1.0)

    def reset(self) -> None:
        """It worked; begin small again."""
        self._pause_s = _FIRST_S
