"""This file gives each caller a share of requests; it guards that one who asks without end slows down nobody else."""

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic

_CALLERS_MAX = 8192


class Pace:
    """A bucket of requests for each caller, which fills again as time goes by.

    Args:
        per_s: Requests a second.
        burst: Requests that may come at once.
        clock: A monotonic clock, s.
    """

    def __init__(self, per_s: float, burst: int, clock: Callable[[], float] = monotonic) -> None:
        self._per_s = per_s
        self._burst = float(burst)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def takes(self, caller: str) -> bool:
        """Tell whether a caller has a request left, and take it."""
        now = self._clock()
        left, at = self._buckets.get(caller, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._per_s)
        self._buckets[caller] = (left - 1 if left >= 1 else left, now)
        self._buckets.move_to_end(caller)
        if len(self._buckets) > _CALLERS_MAX:
            self._buckets.popitem(last=False)
        return left >= 1
