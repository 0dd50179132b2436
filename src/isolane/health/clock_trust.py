"""This file doubts a UTC clock that was set; it guards that the kernel's word for a clock outlives no step of it.

The kernel calls its clock synchronised as soon as whoever gives the time has had his way. So the clock is compared,
once a second, whether rows are taken or not, and whenever somebody asks for it, with where the monotonic clock expects
it to be. Where it is elsewhere by more than `set_s`, that is told, and for `distrust_s` nobody hears that it is
synchronised. What it was set to is where it is expected from then on. Setting it back is setting it: whoever can do the
one can do the other, so that restores nothing, and the time begins anew.

A process that stands still misses nothing, since the first look afterwards compares across the pause. While a machine
is suspended the monotonic clock stands still: afterwards the UTC clock was set, from a battery's clock.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from isolane.core.clock import NS_PER_S, Clock
from isolane.health.clock_settings import ClockSettings
from isolane.security.event_lines import EventLines, Kind

_LOG = logging.getLogger(__name__)
LOOK_S: Final = 1.0
_TRIES: Final = 3
_APART_NS: Final = NS_PER_S // 10
"""Both clocks are read within this, or the reading says nothing: the process may stand still between the two."""


class ClockTrust(Collector):
    """Whether the UTC clock is believed; register it with a registry.

    Args:
        settings: The [health.clock] table.
        clock: Both clocks.
        is_synced: Tells whether the kernel calls its clock synchronised now.

    Attributes:
        events: Where it is told.
    """

    def __init__(self, settings: ClockSettings, clock: Clock, is_synced: Callable[[], bool]) -> None:
        self._set_ns = round(settings.set_s * NS_PER_S)
        self._distrust_ns = round(settings.distrust_s * NS_PER_S)
        self._clock, self._kernel = clock, is_synced
        self.events = EventLines(clock.mono_ns)
        self._lock = threading.Lock()  # commands are judged in a thread
        self._expected_ns = self._ahead_ns()
        self._until_mono_ns: int | None = None

    def is_synced(self) -> bool:
        """Tell whether the UTC clock is worth something now: the kernel says so, and it was not set lately."""
        return self._kernel() and not self.is_doubted()

    def is_doubted(self) -> bool:
        """Tell whether the UTC clock was set lately, or right now."""
        with self._lock:
            self._look()
            return self._until_mono_ns is not None

    async def run(self) -> None:
        """Watch the clock for ever; cancelled to stop."""
        while True:
            self.is_doubted()
            await asyncio.sleep(LOOK_S)

    def collect(self) -> Iterator[Metric]:
        """Give what is known of the clock to Prometheus."""
        yield GaugeMetricFamily(
            "isolane_health_clock_synced",
            "1 while the kernel calls the UTC clock synchronised and nobody has set it lately.",
            value=float(self.is_synced()),
        )
        told = CounterMetricFamily(
            "isolane_health_security_events", "What may be an attack on the clock, by type", labels=["type"]
        )
        told.add_metric([Kind.CLOCK_SET.value], self.events.counts[Kind.CLOCK_SET])
        yield told

    def _look(self) -> None:
        ahead_ns, mono_ns = self._ahead_ns(), self._clock.mono_ns()
        if ahead_ns is None:
            return
        if self._expected_ns is None:
            self._expected_ns = ahead_ns
        by_ns = ahead_ns - self._expected_ns
        if abs(by_ns) > self._set_ns:
            self._expected_ns = ahead_ns
            self._until_mono_ns = mono_ns + self._distrust_ns
            self.events.report(Kind.CLOCK_SET, detail=f"clock: set by {by_ns / NS_PER_S:+.1f} s")
        if self._until_mono_ns is not None and mono_ns >= self._until_mono_ns:
            self._until_mono_ns = None
            _LOG.info("clock-believed-again")

    def _ahead_ns(self) -> int | None:
        """Give how far UTC is ahead of the monotonic clock; None where they could not be read at one moment."""
        for _ in range(_TRIES):
            before, utc, after = self._clock.mono_ns(), self._clock.utc_ns(), self._clock.mono_ns()
            if after - before <= _APART_NS:
                return utc - before
        return None
