"""This file is the one token bucket of the relay, and the wait of a sender who is ahead of its tokens.

It guards that a pace has a bound and a burst has another, and that who is too fast is slowed down and loses nothing.
"""

import asyncio
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


class Wait:
    """The waits of one sender: how it is slowed down, and for how long without a break.

    Args:
        lasting_s: s of waits that follow each other within `_BREAK_S`, after which it is waited no more.

    Attributes:
        active: Whether it is waited now.
    """

    __slots__ = ("_began_s", "_ended_s", "_lasting_s", "_timer", "active")

    _BREAK_S = 5.0

    def __init__(self, lasting_s: float) -> None:
        self._lasting_s = lasting_s
        self._began_s = self._ended_s = float("-inf")
        self._timer: asyncio.TimerHandle | None = None
        self.active = False

    def begin(self, wait_s: float, over: Callable[[], None]) -> bool:
        """Wait, unless that is done already.

        Args:
            wait_s: How long.
            over: Called when it is over.

        Returns:
            False, and no wait, where this has gone on for too long.
        """
        if self.active:
            return True
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        if now_s - self._ended_s > self._BREAK_S:
            self._began_s = now_s
        if now_s - self._began_s > self._lasting_s:
            return False
        self.active = True
        self._timer = loop.call_later(wait_s, self._end, over)
        return True

    def stop(self) -> None:
        """Wait no longer; `over` is not called."""
        self.active = False
        if self._timer is not None:
            self._timer.cancel()

    def _end(self, over: Callable[[], None]) -> None:
        self.active = False
        self._ended_s = asyncio.get_running_loop().time()
        over()
