"""This file is one Modbus device as its source sees it; it guards that each point due gives one reading, GOOD or BAD.

Operation: on a new connection a device is met first, since what was learnt on an older one may be wrong: where its
SunSpec models are, and what it calls itself. One that fails rests, for a pause that doubles up to 30 s, while its
readings say why.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from isolane.core.clock import NS_PER_S, Clock
from isolane.core.samples import Reading, Reason
from isolane.devices.point import Identity
from isolane.health.sources.modbus.chain import walk
from isolane.health.sources.modbus.decode import text_of, value_of
from isolane.health.sources.modbus.plan import DevicePlan, LocatedPoint, Place, Round, Span, plan_round
from isolane.health.sources.modbus.reads import ReadFailure, Reads
from isolane.health.sources.modbus.sunspec import Model, in_place_of, models_of
from isolane.health.sources.readings import reading, silence

_log = logging.getLogger(__name__)

_REST_S_MIN = 1.0
_REST_S_MAX = 30.0


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


class Device:
    """One unit id: what is known of it, and how it has been answering.

    Args:
        plan: What is wanted of it.
        connection: That it is behind.
        clock: Stamps readings and drives the rests.

    Attributes:
        failures: How many times in a row it has not answered, up to 10.
        label: What it is called in sentences.
    """

    def __init__(self, plan: DevicePlan, connection: Reads, clock: Clock) -> None:
        self.plan = plan
        self.failures = 0
        self.label = f"unit {plan.settings.unit} ({plan.template.maker} {plan.template.model})"
        self._connection = connection
        self._clock = clock
        self._reason = Reason.NEVER_READ
        self._rest_until_mono_ns = 0
        self._generation = -1
        self._models: dict[int, Model] = {}
        self._rounds: dict[frozenset[str], Round] = {}

    @property
    def resting(self) -> bool:
        """Whether it is left alone for now."""
        return self.failures > 0 and self._clock.mono_ns() < self._rest_until_mono_ns

    def silence(self, groups: frozenset[str]) -> list[Reading]:
        """Give a BAD reading of every point that is due, with the reason of its last failure."""
        signals = (each.signal for each in self.plan.points if each.due(groups))
        return silence(signals, self._reason, self._clock.mono_ns())

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

    async def ask(self, wanted: Collection[tuple[str, str]], timeout_s: float) -> list[Reading]:
        """Read some of its signals now, by (charger, key), even while it rests; a failure is in the readings.

        Raises:
            ValueError: It has none of them.
        """
        points = tuple(each for each in self.plan.points if (each.signal.charger, each.signal.key) in wanted)
        if not points:
            raise ValueError(f"{self.label} has none of these signals")
        if not await self._connection.open():
            return silence((each.signal for each in points), Reason.DISCONNECTED, self._clock.mono_ns())
        try:
            if self._generation != self._connection.generation:
                await self._meet(timeout_s)
            groups = frozenset(each.point.poll for each in points)
            planned = plan_round(replace(self.plan, points=points), groups, self._models)
            return await self._read(planned, timeout_s)
        except ReadFailure as failure:
            self._note(failure.reason)
            return silence((each.signal for each in points), failure.reason, self._clock.mono_ns())

    def _planned(self, groups: frozenset[str]) -> Round:
        if groups not in self._rounds:
            self._rounds[groups] = plan_round(self.plan, groups, self._models)
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
        missing = (each.signal for each in planned.missing)
        readings = silence(missing, Reason.NOT_IMPLEMENTED, self._clock.mono_ns())
        return readings + [self._reading(each, answers) for each in planned.points]

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
        return reading(planned.signal, value, self._clock.mono_ns() if isinstance(value, Reason) else answer.mono_ns)

    async def _meet(self, timeout_s: float) -> None:
        """Learn on a new connection where the device's models are and what it calls itself."""
        generation = self._connection.generation
        models: dict[int, Model] = {}
        settings, template = self.plan.settings, self.plan.template
        if template.sunspec is not None:
            models = await walk(self._connection, settings.unit, template.table, template.sunspec, timeout_s)
            models = models_of(template, in_place_of(models) if settings.sunspec else models)
        names = [f"{text.name}={await self._text(text, models, timeout_s)!r}" for text in template.identity]
        _log.info("device-met charger=%s unit=%d %s", settings.charger, settings.unit, " ".join(names))
        self._generation = generation
        self._models = models
        self._rounds.clear()

    async def _text(self, text: Identity, models: Mapping[int, Model], timeout_s: float) -> str:
        if text.model is not None and text.model not in models:
            return ""
        base = 0 if text.model is None else models[text.model].address
        span = Span(text.table or self.plan.template.table, base + text.address, text.words)
        try:
            return text_of(await self._connection.read(self.plan.settings.unit, span, timeout_s))
        except ReadFailure as failure:
            if failure.reason is Reason.REFUSED:
                return ""
            raise
