"""This file polls one SNMP agent; it guards that an agent that fails says so every period and is asked ever less."""

from collections import Counter
from collections.abc import Mapping, Sequence

from isolane.core.clock import Clock
from isolane.core.ports import Emit
from isolane.core.samples import Reading, Reason
from isolane.core.signals import Signal
from isolane.health.sources.cadence import Cadence
from isolane.health.sources.patience import Patience
from isolane.health.sources.readings import count, silence
from isolane.health.sources.snmp.connect import Agent
from isolane.health.sources.snmp.decode import Look, readings_of
from isolane.health.sources.snmp.plan import UP_TIME, plan_points
from isolane.health.sources.snmp.settings import SnmpSettings


class SnmpSource:
    """One SNMP agent; implements `core.ports.Source`.

    Args:
        settings: The source's table.
        clock: Stamps readings and drives the rounds.

    Raises:
        IsolaneError: The table or a secret is wrong.
    """

    def __init__(self, settings: SnmpSettings, clock: Clock) -> None:
        self.name = settings.name
        self._period_s = settings.period_s
        self._clock = clock
        self._points = plan_points(settings)
        self._agent = Agent(settings)
        self._patience = Patience(settings.reconnect_s_max, clock)
        self._reason = Reason.NEVER_READ
        self._before: Look | None = None
        rates = any(each.point.rate for each in self._points)
        self._oids = ([UP_TIME] if rates else []) + list(dict.fromkeys(each.oid for each in self._points))
        self._readings: Counter[str] = Counter()

    @property
    def signals(self) -> Sequence[Signal]:
        """See `core.ports.Source`."""
        return tuple(each.signal for each in self._points)

    @property
    def periods_s(self) -> Mapping[tuple[str, str], float]:
        """How often each signal is read, s."""
        return {(signal.charger, signal.key): self._period_s for signal in self.signals}

    @property
    def counts(self) -> Mapping[str, int]:
        """Requests by outcome, and readings by quality."""
        return self._agent.counts + self._readings

    async def run(self, emit: Emit) -> None:
        """See `core.ports.Source`."""
        cadence = Cadence({"all": self._period_s}, self._clock)
        try:
            while True:
                await cadence.due()
                readings = await self._read()
                count(readings, self._readings)
                emit(readings)
        finally:
            self._before = None
            await self._agent.close()

    async def _read(self) -> list[Reading]:
        if self._patience.left_s > 0:
            return silence(self.signals, self._reason, self._clock.mono_ns())
        objects = await self._agent.look(self._oids)
        now = self._clock.mono_ns()
        if isinstance(objects, Reason):
            self._reason, self._before = objects, None
            self._patience.failed()
            return silence(self.signals, objects, now)
        self._patience.succeeded()
        look, before = Look(objects, now), self._before
        self._before = look
        return readings_of(look, before, self._points)
