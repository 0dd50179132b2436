"""This file is the only door to time, so that a test can be the clock.

It guards that waits never follow the wall clock.
"""

import time
from typing import Protocol

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000


class Clock(Protocol):
    """Two clocks: one to measure with, one to label with."""

    def mono_ns(self) -> int:
        """Nanoseconds on a clock that never steps; for waits, ages and latencies."""
        ...

    def utc_ns(self) -> int:
        """Nanoseconds since 1970-01-01T00:00:00Z; may step; only ever a label."""
        ...


class SystemClock:
    """The clocks of this machine; its processes share CLOCK_MONOTONIC, so the tap can use the relay's stamps."""

    def mono_ns(self) -> int:
        """See `Clock.mono_ns`."""
        return time.monotonic_ns()

    def utc_ns(self) -> int:
        """See `Clock.utc_ns`."""
        return time.time_ns()
