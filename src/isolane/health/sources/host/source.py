"""This file reads the gateway's own condition; it guards that its signals are decided once, at the start."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from isolane.core.clock import Clock
from isolane.core.ports import Emit
from isolane.core.samples import Reason
from isolane.core.signals import Signal
from isolane.health.sources.cadence import Cadence
from isolane.health.sources.host.connect import Host
from isolane.health.sources.host.decode import values_of
from isolane.health.sources.host.plan import plan_signals
from isolane.health.sources.host.settings import HostSettings
from isolane.health.sources.readings import count, reading


class HostSource:
    """The gateway's own signals, of charger ""; implements `core.ports.Source`.

    Args:
        settings: The source's table.
        clock: Stamps readings and drives the rounds.
    """

    def __init__(self, settings: HostSettings, clock: Clock) -> None:
        self.name = settings.name
        self._period_s = settings.period_s
        self._clock = clock
        self._host = Host(settings.disk or Path("/"))
        self._signals = plan_signals(self._host.look())
        self._readings: Counter[str] = Counter()

    @property
    def signals(self) -> Sequence[Signal]:
        """See `core.ports.Source`."""
        return self._signals

    @property
    def periods_s(self) -> Mapping[tuple[str, str], float]:
        """How often each signal is read, s."""
        return {(signal.charger, signal.key): self._period_s for signal in self._signals}

    @property
    def counts(self) -> Mapping[str, int]:
        """Readings by quality."""
        return self._readings

    async def run(self, emit: Emit) -> None:
        """See `core.ports.Source`."""
        cadence = Cadence({"all": self._period_s}, self._clock)
        while True:
            await cadence.due()
            now = self._clock.mono_ns()
            values = values_of(self._host.look())
            readings = [reading(signal, values.get(signal.key, Reason.REFUSED), now) for signal in self._signals]
            count(readings, self._readings)
            emit(readings)
