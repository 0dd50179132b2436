"""This file is a token bucket; it guards that no stretch of time carries more than rate x time + burst.

The rate may change at any moment: what has been saved up stays, what comes in comes at the new rate.
"""

_NS_PER_S = 1e9


class Bucket:
    """Bytes that may be sent.

    Args:
        burst_bytes: Most that is saved up.
        now_ns: Monotonic clock; the bucket is full then.
    """

    __slots__ = ("_at_ns", "_burst", "_level", "_rate")

    def __init__(self, burst_bytes: float, now_ns: int) -> None:
        self._burst = burst_bytes
        self._level = burst_bytes
        self._rate = 0.0
        self._at_ns = now_ns

    def set_rate(self, rate_bytes_s: float, now_ns: int) -> None:
        """Fill at this rate from now on; 0 stops."""
        self._fill(now_ns)
        self._rate = rate_bytes_s

    def wait_s(self, size: int, now_ns: int) -> float:
        """Give how long until so many bytes may be taken at the present rate, s; infinity if never."""
        self._fill(now_ns)
        missing = min(size, self._burst) - self._level
        if missing <= 0:
            return 0.0
        return missing / self._rate if self._rate else float("inf")

    def take(self, size: int, now_ns: int) -> None:
        """Take bytes; the level may fall below nothing, and later ones wait for that."""
        self._fill(now_ns)
        self._level -= size

    def _fill(self, now_ns: int) -> None:
        if now_ns > self._at_ns:
            self._level = min(self._burst, self._level + (now_ns - self._at_ns) / _NS_PER_S * self._rate)
            self._at_ns = now_ns
