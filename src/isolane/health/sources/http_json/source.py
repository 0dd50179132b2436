"""This file polls one JSON page; it guards that a page that fails says so every period and is not stormed."""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence

from isolane.core.clock import Clock
from isolane.core.ports import Emit
from isolane.core.samples import Reading, Reason
from isolane.core.signals import Signal
from isolane.health.sources import documents
from isolane.health.sources.http_json.connect import Page
from isolane.health.sources.http_json.decode import readings_of
from isolane.health.sources.http_json.plan import PlannedPoint, plan_points
from isolane.health.sources.http_json.settings import HttpJsonSettings
from isolane.health.sources.patience import Patience
from isolane.health.sources.rapid import Bursting, Rapid
from isolane.health.sources.readings import count, silence

logging.getLogger("httpx").setLevel(logging.WARNING)  # at INFO it writes a line for each request
logging.getLogger("httpcore").setLevel(logging.WARNING)

_ALL = "all"


class HttpJsonSource(Bursting):
    """One JSON page; implements `core.ports.Source`.

    Args:
        settings: The source's table.
        clock: Stamps readings and drives the rounds.

    Raises:
        IsolaneError: The table, a secret or the CA is wrong.
    """

    def __init__(self, settings: HttpJsonSettings, clock: Clock) -> None:
        self.name = settings.name
        self._settings = settings
        self._clock = clock
        self._points = plan_points(settings)
        self._time_path = documents.parse(settings.time_path)
        self._page = Page(settings)
        self._patience = Patience(settings.reconnect_s_max, clock)
        self._reason = Reason.NEVER_READ
        self._readings: Counter[str] = Counter()
        periods = {(each.signal.charger, each.signal.key): settings.period_s for each in self._points}
        rapid = (each.signal for each in self._points if each.point.rapid)
        super().__init__(Rapid(periods, rapid, settings.rapid_s, settings.rapid_when, clock))

    @property
    def signals(self) -> Sequence[Signal]:
        """See `core.ports.Source`."""
        return tuple(each.signal for each in self._points)

    @property
    def counts(self) -> Mapping[str, int]:
        """Requests by outcome, and readings by quality."""
        return self._page.counts + self._readings

    async def run(self, emit: Emit) -> None:
        """See `core.ports.Source`."""
        cadence = self._rapid.cadence({_ALL: self._settings.period_s})
        try:
            while True:
                groups = await cadence.due()
                readings = await self._read(
                    [each for each in self._points if self._rapid.due(each.signal, _ALL, groups)]
                )
                count(readings, self._readings)
                emit(readings)
        finally:
            await self._page.close()
            await asyncio.sleep(0)

    async def _read(self, points: Sequence[PlannedPoint]) -> list[Reading]:
        signals = [each.signal for each in points]
        if self._patience.left_s > 0:
            return silence(signals, self._reason, self._clock.mono_ns())
        body = await self._page.fetch()
        now = self._clock.mono_ns()
        if isinstance(body, Reason):
            self._reason = body
            self._patience.failed()
            return silence(signals, body, now)
        self._patience.succeeded()
        return readings_of(body, points, self._time_path, self._clock.utc_ns(), now)
