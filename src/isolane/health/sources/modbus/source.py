"""This file polls the devices of one address; it guards that a sick device costs its neighbours nothing.

Operation, each round: devices that answered last time come first, so one that hangs can only delay what comes after it.
One that failed rests and is tried again at the end of a round, for no longer than the round has left. Alone on its
connection a device never rests: nobody is to be protected. Every point that is due gives one reading per round, GOOD or
BAD.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from isolane.config.values import Address
from isolane.core.clock import Clock
from isolane.core.failures import IsolaneError
from isolane.core.ports import Emit
from isolane.core.samples import Reading
from isolane.core.signals import Signal
from isolane.health.sources.cadence import Cadence
from isolane.health.sources.modbus.connect import Connection
from isolane.health.sources.modbus.device import Device
from isolane.health.sources.modbus.plan import PlannedPoint, plan_device
from isolane.health.sources.modbus.reads import Reads
from isolane.health.sources.modbus.rtu import RtuConnection
from isolane.health.sources.modbus.settings import ModbusSettings, SerialSettings
from isolane.health.sources.rapid import Bursting, Rapid
from isolane.health.sources.readings import count

_SILENCE_MS = 4.0
"""Between RTU frames over TCP: the server keeps the silence on its line, a little here lets it."""
_PROBE_S_MIN = 0.05


class ModbusSource(Bursting):
    """All devices behind one Modbus address or serial port; implements `core.ports.Source`.

    Args:
        settings: The source's table.
        clock: Stamps readings and drives the rounds.

    Raises:
        IsolaneError: A template is wrong, two devices give the same signal, or it is not said where they are.
    """

    def __init__(self, settings: ModbusSettings, clock: Clock) -> None:
        self.name = settings.name
        self._settings = settings
        self._clock = clock
        self._groups = {"fast": settings.fast_s, "slow": settings.slow_s}
        self._readings: Counter[str] = Counter()
        self._connection = _connection(settings, clock)
        self._turn = asyncio.Lock()
        """Of who reads: a round and a question take turns, device by device."""
        self._devices = [Device(plan_device(each), self._connection, clock) for each in settings.devices]
        periods = {(each.signal.charger, each.signal.key): self._groups[each.point.poll] for each in self._points}
        rapid = (each.signal for each in self._points if each.is_rapid)
        super().__init__(Rapid(periods, rapid, settings.rapid_s, settings.rapid_when, clock))
        self._check_signals()

    @property
    def _points(self) -> list[PlannedPoint]:
        return [planned for device in self._devices for planned in device.plan.points]

    def _check_signals(self) -> None:
        owners: dict[tuple[str, str], str] = {}
        for device in self._devices:
            for planned in device.plan.points:
                identity = (planned.signal.charger, planned.signal.key)
                other = owners.setdefault(identity, device.label)
                if other != device.label:
                    raise IsolaneError(
                        f"source {self.name!r}: {other} and {device.label} both give {planned.signal.key} "
                        f"of charger {planned.signal.charger!r}",
                        "give one device an `instance`, or name the keys it shall not read in its `without`",
                    )

    @property
    def signals(self) -> Sequence[Signal]:
        """See `core.ports.Source`."""
        return tuple(planned.signal for planned in self._points)

    @property
    def counts(self) -> Mapping[str, int]:
        """Requests by outcome, and readings by quality."""
        return self._connection.counts + self._readings

    async def run(self, emit: Emit) -> None:
        """See `core.ports.Source`."""
        used = sorted({planned.point.poll for planned in self._points})
        cadence = self._rapid.cadence({group: self._groups[group] for group in used})
        try:
            while True:
                await self._round(await cadence.due(), cadence, emit)
        finally:
            await self._connection.close()

    async def read_now(self, wanted: Collection[tuple[str, str]]) -> list[Reading]:
        """See `catalogue.Askable`."""
        readings: list[Reading] = []
        for device in self._devices:
            own = {(each.signal.charger, each.signal.key) for each in device.plan.points}
            if not own.isdisjoint(wanted):
                async with self._turn:
                    readings += await device.ask(wanted, self._settings.timeout_s)
        return readings

    async def _round(self, groups: frozenset[str], cadence: Cadence, emit: Emit) -> None:
        alone = len(self._devices) == 1
        for device in sorted(self._devices, key=lambda each: each.failures):
            timeout_s = self._settings.timeout_s
            if device.failures and not alone:
                timeout_s = min(timeout_s, cadence.left_s)
            if alone or (not device.resting and timeout_s >= _PROBE_S_MIN):
                async with self._turn:
                    readings = await device.poll(groups, timeout_s)
            else:
                readings = device.silence(groups)
            count(readings, self._readings)
            if readings:
                emit(readings)


def _connection(settings: ModbusSettings, clock: Clock) -> Reads:
    place = settings.serial or settings.address
    if place is None or (settings.serial and settings.address):
        raise IsolaneError(
            f"source {settings.name!r} needs one place to read",
            "give either `address` or a table `serial`, and not both",
        )
    if isinstance(place, Address) and settings.framing == "tcp":
        return Connection(place, settings.timeout_s, settings.reconnect_s_max, clock)
    silence_ms = settings.silence_ms
    if silence_ms is None:
        silence_ms = place.silence_ms if isinstance(place, SerialSettings) else _SILENCE_MS
    return RtuConnection(place, settings.timeout_s, settings.reconnect_s_max, silence_ms, clock)
