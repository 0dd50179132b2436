"""This file reads the gateway's own condition; it guards that its signals are decided once, at the start."""

import difflib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from isolane.core.clock import Clock
from isolane.core.failures import IsolaneError
from isolane.core.ports import Emit
from isolane.core.samples import Reason
from isolane.core.signals import Signal
from isolane.health.sources.host.connect import Host
from isolane.health.sources.host.decode import values_of
from isolane.health.sources.host.plan import plan_signals
from isolane.health.sources.host.settings import HostSettings
from isolane.health.sources.rapid import Bursting, Rapid
from isolane.health.sources.readings import count, reading

_ALL = "all"


class HostSource(Bursting):
    """The gateway's own signals, of charger ""; implements `core.ports.Source`.

    Args:
        settings: The source's table.
        clock: Stamps readings and drives the rounds.
        is_doubted: Tells whether the UTC clock is not to be believed, whatever the kernel says.

    Raises:
        IsolaneError: `rapid` names what this machine does not give.
    """

    def __init__(self, settings: HostSettings, clock: Clock, is_doubted: Callable[[], bool] = lambda: False) -> None:
        self.name = settings.name
        self._period_s = settings.period_s
        self._clock, self._is_doubted = clock, is_doubted
        self._host = Host(settings.disk or Path("/"), settings.certificates or ())
        self._signals = plan_signals(self._host.look())
        self._readings: Counter[str] = Counter()
        periods = {(signal.charger, signal.key): settings.period_s for signal in self._signals}
        super().__init__(Rapid(periods, self._picked(settings.rapid), settings.rapid_s, settings.rapid_when, clock))

    def _picked(self, keys: Sequence[str]) -> list[Signal]:
        known = {signal.key: signal for signal in self._signals}
        for key in keys:
            if key not in known:
                close = difflib.get_close_matches(key, known, n=1)
                hint = f"did you mean {close[0]!r}" if close else f"there are {', '.join(known)}"
                raise IsolaneError(f"source {self.name!r}: this machine gives no signal {key!r}", hint)
        return [known[key] for key in keys]

    @property
    def signals(self) -> Sequence[Signal]:
        """See `core.ports.Source`."""
        return self._signals

    @property
    def counts(self) -> Mapping[str, int]:
        """Readings by quality."""
        return self._readings

    async def run(self, emit: Emit) -> None:
        """See `core.ports.Source`."""
        cadence = self._rapid.cadence({_ALL: self._period_s})
        while True:
            groups = await cadence.due()
            now = self._clock.mono_ns()
            values = values_of(self._host.look(rapid=_ALL not in groups), is_doubted=self._is_doubted())
            due = [signal for signal in self._signals if self._rapid.due(signal, _ALL, groups)]
            readings = [reading(signal, values.get(signal.key, Reason.REFUSED), now) for signal in due]
            count(readings, self._readings)
            emit(readings)
