"""This file turns frames into readings; it guards that a message that stops coming is told as silence."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence

from isolane.core.clock import NS_PER_S, Clock
from isolane.core.ports import Emit
from isolane.core.samples import Reading, Reason
from isolane.core.signals import Signal
from isolane.health.sources.can.connect import TURN_S, Listener
from isolane.health.sources.can.decode import values_of
from isolane.health.sources.can.plan import PlannedPoint, plan_points
from isolane.health.sources.can.settings import CanSettings
from isolane.health.sources.patience import Patience
from isolane.health.sources.rapid import Bursting, Rapid
from isolane.health.sources.readings import count, reading


class CanSource(Bursting):
    """One CAN bus; implements `core.ports.Source`.

    Args:
        settings: The source's table.
        clock: Stamps readings and drives the rounds.

    Raises:
        IsolaneError: The DBC file or the table is wrong.
    """

    def __init__(self, settings: CanSettings, clock: Clock) -> None:
        self.name = settings.name
        self._clock = clock
        self._points = plan_points(settings)
        self._listener = Listener(settings, frozenset(each.frame for each in self._points))
        self._patience = Patience(settings.reconnect_s_max, clock)
        self._newest: dict[Signal, tuple[float | Reason, int]] = {}
        self._since_ns = 0
        self._readings: Counter[str] = Counter()
        periods = {(each.signal.charger, each.signal.key): each.point.period_s for each in self._points}
        rapid = (each.signal for each in self._points if each.point.rapid)
        super().__init__(Rapid(periods, rapid, settings.rapid_s, settings.rapid_when, clock))

    @property
    def signals(self) -> Sequence[Signal]:
        """See `core.ports.Source`."""
        return tuple(each.signal for each in self._points)

    @property
    def counts(self) -> Mapping[str, int]:
        """Frames by what became of them, and readings by quality."""
        return self._listener.counts + self._readings

    async def run(self, emit: Emit) -> None:
        """See `core.ports.Source`."""
        cadence = self._rapid.cadence({str(each.point.period_s): each.point.period_s for each in self._points})
        try:
            while True:
                self._listen()
                if cadence.left_s > 0:
                    await asyncio.sleep(min(TURN_S, cadence.left_s))
                    continue
                groups = await cadence.due()
                readings = [told for each in self._points if self._due(each, groups) for told in self._told(each)]
                count(readings, self._readings)
                if readings:
                    emit(readings)
        finally:
            self._listener.close()
            self._newest.clear()

    def _due(self, each: PlannedPoint, groups: frozenset[str]) -> bool:
        return self._rapid.due(each.signal, str(each.point.period_s), groups)

    def _listen(self) -> None:
        if not self._listener.is_open:
            if self._patience.left_s > 0:
                return
            self._patience.failed()
            if not self._listener.open():
                return
            self._newest.clear()
            self._since_ns = self._clock.mono_ns()
        now = self._clock.mono_ns()
        newest = {}
        for frame, data in self._listener.frames():
            newest[frame, data[:1]] = data  # the first byte often says what a multiplexed message carries
        for (frame, _), data in newest.items():
            self._patience.succeeded()
            for each in self._points:
                if each.frame == frame and (value := values_of(each, data)) is not None:
                    self._newest[each.signal] = (value, now)

    def _told(self, each: PlannedPoint) -> list[Reading]:
        """Give what is known of a point: its newest value once, or why there is none."""
        now = self._clock.mono_ns()
        if not self._listener.is_open:
            return [reading(each.signal, Reason.DISCONNECTED, now)]
        value, at = self._newest.get(each.signal, (Reason.TIMEOUT, self._since_ns))
        if now - at >= 2 * self._rapid.periods_s[each.signal.charger, each.signal.key] * NS_PER_S:
            return [reading(each.signal, Reason.TIMEOUT, now)]
        return [] if value is Reason.TIMEOUT else [reading(each.signal, value, at)]
