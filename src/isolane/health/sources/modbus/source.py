"""This file polls the devices of one address; it guards that a sick device costs its neighbours nothing.

Operation, each round: devices that answered last time come first, so one that hangs can only delay what comes after it.
One that failed rests, for a pause that doubles up to 30 s, while its readings say why; it is tried again at the end of
a round, for no longer than the round has left. Alone on its connection a device never rests: nobody is to be protected.
Every point that is due gives one reading per round, GOOD or BAD.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from isolane.config.values import Address
from isolane.core.clock import NS_PER_S, Clock
from isolane.core.failures import IsolaneError
from isolane.core.ports import Emit
from isolane.core.samples import Quality, Reading, Reason
from isolane.core.signals import Signal
from isolane.devices.point import Identity, SunSpec
from isolane.health.sources.cadence import Cadence
from isolane.health.sources.modbus.connect import Connection
from isolane.health.sources.modbus.decode import text_of, value_of
from isolane.health.sources.modbus.plan import (
    RAPID,
    DevicePlan,
    LocatedPoint,
    Place,
    PlannedPoint,
    Round,
    Span,
    plan_device,
    plan_round,
)
from isolane.health.sources.modbus.reads import ReadFailure, Reads
from isolane.health.sources.modbus.rtu import RtuConnection
from isolane.health.sources.modbus.settings import ModbusSettings, SerialSettings
from isolane.health.sources.modbus.sunspec import Model, bases_of, in_place_of

_log = logging.getLogger(__name__)

_SILENCE_MS = 4.0
"""Between RTU frames over TCP: the server keeps the silence on its line, a little here lets it."""
_REST_S_MIN = 1.0
_REST_S_MAX = 30.0
_PROBE_S_MIN = 0.05
_SUNSPEC_MARK = [0x5375, 0x6E53]
_SUNSPEC_END = 0xFFFF
_SUNSPEC_MODELS_MAX = 64
"""More than any device has; a chain that does not end is not a chain."""
_ADDRESS_MAX = 65_535


class ModbusSource:
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
        self._groups = {"fast": settings.fast_s, "slow": settings.slow_s, RAPID: settings.rapid_s}
        self._burst_until_mono_ns = 0
        self._readings: Counter[str] = Counter()
        self._connection = _connection(settings, clock)
        self._devices = [_Device(plan_device(each), self._connection, clock) for each in settings.devices]
        self._check_signals()

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
        return tuple(planned.signal for device in self._devices for planned in device.plan.points)

    @property
    def periods_s(self) -> Mapping[tuple[str, str], float]:
        """How often each signal is read, s."""
        rapid = self._settings.rapid_when == "always"
        return {
            (planned.signal.charger, planned.signal.key): self._groups[
                RAPID if rapid and planned.is_rapid else planned.point.poll
            ]
            for device in self._devices
            for planned in device.plan.points
        }

    @property
    def bursts_s(self) -> Mapping[tuple[str, str], float]:
        """How often signals are read in a burst, s; only those that are then read more often."""
        if self._settings.rapid_when == "always":
            return {}
        return {
            (planned.signal.charger, planned.signal.key): self._settings.rapid_s
            for device in self._devices
            for planned in device.plan.points
            if planned.is_rapid
        }

    def burst(self, seconds: float) -> None:
        """Read what `bursts_s` names that often from the next round on, for so long, s."""
        until = self._clock.mono_ns() + round(seconds * NS_PER_S)
        self._burst_until_mono_ns = max(self._burst_until_mono_ns, until)

    @property
    def counts(self) -> Mapping[str, int]:
        """Requests by outcome, and readings by quality."""
        return self._connection.counts + self._readings

    async def run(self, emit: Emit) -> None:
        """See `core.ports.Source`."""
        points = [planned for device in self._devices for planned in device.plan.points]
        used: set[str] = {planned.point.poll for planned in points}
        if self._settings.rapid_when == "always" and any(planned.is_rapid for planned in points):
            used.add(RAPID)
        cadence = Cadence({group: self._groups[group] for group in sorted(used)}, self._clock)
        try:
            while True:
                groups = await cadence.due()
                self._begin_or_end_burst(cadence)
                await self._round(groups, cadence, emit)
        finally:
            await self._connection.close()

    def _begin_or_end_burst(self, cadence: Cadence) -> None:
        if not self.bursts_s:
            return
        if self._clock.mono_ns() < self._burst_until_mono_ns:
            cadence.begin(RAPID, self._settings.rapid_s)
        else:
            cadence.end(RAPID)

    async def _round(self, groups: frozenset[str], cadence: Cadence, emit: Emit) -> None:
        alone = len(self._devices) == 1
        for device in sorted(self._devices, key=lambda each: each.failures):
            timeout_s = self._settings.timeout_s
            if device.failures and not alone:
                timeout_s = min(timeout_s, cadence.left_s)
            if alone or (not device.resting and timeout_s >= _PROBE_S_MIN):
                readings = await device.poll(groups, timeout_s)
            else:
                readings = device.silence(groups)
            good = sum(reading.quality is Quality.GOOD for reading in readings)
            self._readings["readings_good"] += good
            self._readings["readings_bad"] += len(readings) - good
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


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came of one request, and when."""

    words: list[int] | Reason
    mono_ns: int

    def at(self, place: Place, count: int) -> list[int] | Reason:
        """Give the words at a place, or why there are none."""
        if isinstance(self.words, Reason):
            return self.words
        return self.words[place.offset : place.offset + count]


class _Device:
    """One unit id: what is known of it, and how it has been answering."""

    def __init__(self, plan: DevicePlan, connection: Reads, clock: Clock) -> None:
        self.plan = plan
        self.failures = 0
        self.label = f"unit {plan.settings.unit} ({plan.template.maker} {plan.template.model})"
        self._connection = connection
        self._clock = clock
        self._reason = Reason.NEVER_READ
        self._rest_until_mono_ns = 0
        self._generation = -1
        self._bases: dict[int, int] | None = None
        self._rounds: dict[frozenset[str], Round] = {}

    @property
    def resting(self) -> bool:
        """Whether it is left alone for now."""
        return self.failures > 0 and self._clock.mono_ns() < self._rest_until_mono_ns

    def silence(self, groups: frozenset[str]) -> list[Reading]:
        """Give a BAD reading of every point that is due, with the reason of its last failure."""
        return [self._bad(each, self._reason) for each in self.plan.points if each.due(groups)]

    async def poll(self, groups: frozenset[str], timeout_s: float) -> list[Reading]:
        """Read what is due; a failure is in the readings."""
        if not await self._connection.open():
            self._reason = Reason.DISCONNECTED
            return self.silence(groups)
        try:
            if self._generation != self._connection.generation:
                await self._meet(timeout_s)
            readings = await self._read(self._planned(groups), timeout_s)
        except ReadFailure as failure:
            self._note(failure.reason)
            return self.silence(groups)
        return readings

    def _planned(self, groups: frozenset[str]) -> Round:
        if groups not in self._rounds:
            self._rounds[groups] = plan_round(self.plan, groups, self._bases or {})
        return self._rounds[groups]

    async def _read(self, planned: Round, timeout_s: float) -> list[Reading]:
        answers: list[_Answer] = []
        reason = Reason.NONE
        for span in planned.requests:
            words: list[int] | Reason = reason
            if reason in {Reason.NONE, Reason.REFUSED}:  # else asking on would only take its neighbours' time
                try:
                    words = await self._connection.read(self.plan.settings.unit, span, timeout_s)
                except ReadFailure as failure:
                    words = reason = failure.reason
            answers.append(_Answer(words, self._clock.mono_ns()))
        self._note(reason)
        readings = [self._bad(each, Reason.NOT_IMPLEMENTED) for each in planned.missing]
        readings += [self._reading(each, answers) for each in planned.points]
        return readings

    def _note(self, reason: Reason) -> None:
        """Remember how a round went. A refusal is an answer; a lost connection is not this device's fault."""
        if reason in {Reason.NONE, Reason.REFUSED}:
            self.failures = 0
            return
        self._reason = reason
        if reason is not Reason.DISCONNECTED:
            rest_s = min(_REST_S_MIN * 2**self.failures, _REST_S_MAX)
            self.failures = min(self.failures + 1, 10)
            self._rest_until_mono_ns = self._clock.mono_ns() + round(rest_s * NS_PER_S)

    def _reading(self, located: LocatedPoint, answers: Sequence[_Answer]) -> Reading:
        planned = located.planned
        answer = answers[located.place.request]
        words, factor = answer.at(located.place, planned.point.words), None
        if located.factor is not None and not isinstance(words, Reason):
            factors = answers[located.factor.request].at(located.factor, 1)
            words, factor = (factors, None) if isinstance(factors, Reason) else (words, factors[0])
        value = words if isinstance(words, Reason) else value_of(planned.point, self.plan.template, words, factor)
        if isinstance(value, Reason):
            return self._bad(planned, value)
        return Reading(planned.signal.charger, planned.signal.key, value, answer.mono_ns)

    def _bad(self, planned: PlannedPoint, reason: Reason) -> Reading:
        signal = planned.signal
        return Reading(signal.charger, signal.key, None, self._clock.mono_ns(), Quality.BAD, reason)

    async def _meet(self, timeout_s: float) -> None:
        """Learn on a new connection where the device's models are and what it calls itself."""
        generation = self._connection.generation
        bases: dict[int, int] = {}
        if self.plan.template.sunspec is not None:
            bases = await self._walk(self.plan.template.sunspec, timeout_s)
        names = [f"{text.name}={await self._text(text, bases, timeout_s)!r}" for text in self.plan.template.identity]
        _log.info(
            "device-met charger=%s unit=%d %s", self.plan.settings.charger, self.plan.settings.unit, " ".join(names)
        )
        self._generation = generation
        self._bases = bases
        self._rounds.clear()

    async def _text(self, text: Identity, bases: Mapping[int, int], timeout_s: float) -> str:
        if text.model is not None and text.model not in bases:
            return ""
        base = 0 if text.model is None else bases[text.model]
        span = Span(text.table or self.plan.template.table, base + text.address, text.words)
        try:
            return text_of(await self._connection.read(self.plan.settings.unit, span, timeout_s))
        except ReadFailure as failure:
            if failure.reason is Reason.REFUSED:
                return ""
            raise

    async def _walk(self, sunspec: SunSpec, timeout_s: float) -> dict[int, int]:
        """Find the models that the template needs. Source: SunSpec Device Information Model Specification 1.1, 6.2."""
        unit, table = self.plan.settings.unit, self.plan.template.table
        for base in sunspec.bases:
            try:
                mark = await self._connection.read(unit, Span(table, base, 2), timeout_s)
            except ReadFailure as failure:
                if failure.reason is Reason.REFUSED:
                    continue
                raise
            if mark == _SUNSPEC_MARK:
                break
        else:
            raise ReadFailure(Reason.MALFORMED)
        found: dict[int, Model] = {}
        address = base + 2
        for _ in range(_SUNSPEC_MODELS_MAX):
            if address >= _ADDRESS_MAX:
                break
            model, length = await self._connection.read(unit, Span(table, address, 2), timeout_s)
            if model == _SUNSPEC_END:
                break
            found.setdefault(model, Model(address, length + 2))
            address += 2 + length
        if self.plan.settings.sunspec:
            found = in_place_of(found)
        return bases_of(self.plan.template, found)
