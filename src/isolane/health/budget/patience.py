"""This file says how long Channel B may still wait for Channel A; it guards that waiting stays a small part of time.

Constraints: over any stretch of time what is spent is at most what was there at first plus a tenth of that stretch.
"""

_BACK_OF = 10
"""A tenth of the time in which nothing is spent comes back."""


class Patience:
    """Time that may be spent on waiting.

    Args:
        most_ns: All that is ever there; it is there at first.
    """

    __slots__ = ("_at_ns", "_is_spending", "_left_ns", "_most_ns")

    def __init__(self, most_ns: int) -> None:
        self._most_ns = most_ns
        self._left_ns = most_ns
        self._is_spending = False
        self._at_ns = 0

    def left_ns(self, now_ns: int) -> int:
        """Give how much is left now; a clock that goes back changes nothing."""
        passed_ns = now_ns - self._at_ns
        if passed_ns > 0:
            if self._is_spending:
                self._left_ns = max(0, self._left_ns - passed_ns)
            else:
                self._left_ns = min(self._most_ns, self._left_ns + passed_ns // _BACK_OF)
            self._at_ns = now_ns
        return self._left_ns

    def spend(self, now_ns: int, *, is_spending: bool) -> None:
        """Spend it, or let it come back, from now on."""
        self.left_ns(now_ns)
        self._is_spending = is_spending
