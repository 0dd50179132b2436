"""This file turns the tap's events into readings; it guards that without a tap every signal says so."""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from isolane.core.clock import NS_PER_MS, Clock
from isolane.core.failures import IsolaneError
from isolane.core.ports import Emit
from isolane.core.samples import Reason
from isolane.core.signals import Signal
from isolane.health.sources.cadence import Cadence
from isolane.health.sources.ocpp.connect import TapListener
from isolane.health.sources.ocpp.decode import ChargerFacts
from isolane.health.sources.ocpp.hear import Hear
from isolane.health.sources.ocpp.plan import plan_signals
from isolane.health.sources.ocpp.settings import OcppSettings
from isolane.health.sources.readings import count, silence
from isolane.wire import tap_event

_log = logging.getLogger(__name__)


class OcppSource:
    """What the tap tells of the configured chargers; implements `core.ports.Source`.

    Args:
        settings: The source's table.
        socket: Path of the event socket, where the tap connects.
        clock: Stamps readings and drives the rounds.
        hear: Is shown every packet, and None when what was told before may no longer hold.

    Raises:
        IsolaneError: A charger stands in the table twice, or a metered value or variable cannot be.
    """

    def __init__(self, settings: OcppSettings, socket: Path, clock: Clock, hear: Hear | None = None) -> None:
        self.name = settings.name
        self._settings = settings
        self._clock = clock
        self._hear = hear
        self._facts = {
            each.charger: ChargerFacts(each, (one for one in settings.variables if one.charger == each.charger))
            for each in settings.chargers
        }
        if len(self._facts) != len(settings.chargers):
            raise IsolaneError(f"source {self.name!r} names a charger twice", "remove one of them")
        self._periods = plan_signals(settings)
        self._listener = TapListener(socket, self._arrived, self._received, self._left)
        self._taps = 0
        self._counts: Counter[str] = Counter()

    @property
    def signals(self) -> Sequence[Signal]:
        """See `core.ports.Source`."""
        return tuple(self._periods)

    @property
    def periods_s(self) -> Mapping[tuple[str, str], float]:
        """How often each signal is read, s."""
        return {(signal.charger, signal.key): period for signal, period in self._periods.items()}

    @property
    def counts(self) -> Mapping[str, int]:
        """Events by what became of them, and readings by quality."""
        return self._counts

    async def run(self, emit: Emit) -> None:
        """See `core.ports.Source`.

        Raises:
            IsolaneError: The event socket cannot be opened.
        """
        listening = asyncio.create_task(self._listener.run())
        try:
            cadence = Cadence({"all": self._settings.period_s}, self._clock)
            while not listening.done():
                await cadence.due()
                self._tell(emit)
            await listening
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    def _tell(self, emit: Emit) -> None:
        now = self._clock.mono_ns()
        if self._taps:
            readings = [reading for facts in self._facts.values() for reading in facts.readings(now)]
        else:
            readings = silence(self._periods, Reason.DISCONNECTED, now)
        count(readings, self._counts)
        if readings:
            emit(readings)

    def _arrived(self) -> None:
        self._taps += 1
        self._counts["taps"] += 1
        _log.info("tap-arrived source=%s", self.name)

    def _left(self) -> None:
        self._taps -= 1
        self._forget()
        _log.info("tap-left source=%s", self.name)

    def _forget(self) -> None:
        if self._hear is not None:
            self._hear(None)
        for facts in self._facts.values():
            facts.forget()

    def _received(self, data: bytes) -> None:
        self._counts["packets"] += 1
        try:
            packet = tap_event.decode(data)
        except ValueError:
            self._counts["packets_malformed"] += 1
            self._forget()
            return
        if packet.lost:
            self._counts["events_lost"] += packet.lost
            self._forget()
        if self._hear is not None:
            self._hear(packet)
        now_utc_ms = self._clock.utc_ns() // NS_PER_MS
        for event in packet.events:
            if isinstance(event, tap_event.SecurityEvent):
                self._counts[f"security_{event.kind}"] += event.count
            facts = self._facts.get(event.charger)
            if facts is None:
                self._counts["events_of_others"] += 1
                continue
            self._counts["events"] += 1
            if isinstance(event, tap_event.Unread):
                self._counts["events_unread"] += event.count
            facts.take(event, now_utc_ms)
