"""This file remembers what a unit answered; it guards that nothing is asked twice and that silence ends the asking."""

from collections.abc import Mapping
from typing import Protocol

from isolane.devices.point import SunSpec
from isolane.health.sources.discovery.wire import Answer
from isolane.health.sources.modbus.chain import MARK, models_from
from isolane.health.sources.modbus.decode import text_of
from isolane.health.sources.modbus.plan import Span
from isolane.health.sources.modbus.sunspec import NAMES

_SILENT_MAX = 4
"""Questions without answer, one after another, after which the unit is left in peace."""


class Asks(Protocol):
    """What is needed of a wire."""

    async def read(self, unit: int, span: Span) -> Answer:
        """Read registers."""
        ...

    async def identification(self, unit: int) -> Mapping[str, str] | None:
        """Ask for the device identification."""
        ...


class Asked:
    """One unit and its answers.

    Args:
        wire: Where to ask.
        unit: Unit id.
    """

    def __init__(self, wire: Asks, unit: int) -> None:
        self.unit = unit
        self.silent = 0
        self._wire = wire
        self._answers: dict[Span, Answer] = {}

    @property
    def gone(self) -> bool:
        """Whether it has stopped to answer."""
        return self.silent >= _SILENT_MAX

    async def read(self, span: Span) -> Answer:
        """Read registers, from memory if they were read before; None without a question once it is gone."""
        if span not in self._answers:
            if self.gone:
                return None
            answer = await self._wire.read(self.unit, span)
            self.silent = self.silent + 1 if answer is None else 0
            self._answers[span] = answer
        return self._answers[span]

    async def text(self, span: Span) -> str:
        """Read a text; "" if there is none."""
        answer = await self.read(span)
        return text_of(answer) if isinstance(answer, list) else ""

    async def identification(self) -> Mapping[str, str]:
        """Ask for the device identification; empty if the unit has none."""
        return await self._wire.identification(self.unit) or {}

    async def has_sunspec_mark(self) -> bool:
        """Tell whether a SunSpec map begins where most of them do."""
        return await self.read(Span("holding", SunSpec(models=(1,)).bases[0], 2)) == MARK

    async def sunspec_models(self, sunspec: SunSpec) -> dict[int, int]:
        """Walk the SunSpec chain; give the address of each model, empty if there is no chain."""
        for base in sunspec.bases:
            if await self.read(Span("holding", base, 2)) == MARK:
                models = await models_from(self._registers, "holding", base + 2)
                return {number: model.address for number, model in models.items()}
        return {}

    async def _registers(self, span: Span) -> list[int] | None:
        answer = await self.read(span)
        return answer if isinstance(answer, list) else None

    async def sunspec_texts(self, models: Mapping[int, int]) -> dict[str, str]:
        """Read how a SunSpec device names itself."""
        if 1 not in models:
            return {}
        texts = {name: await self.text(Span("holding", models[1] + address, words)) for name, address, words in NAMES}
        return {name: text for name, text in texts.items() if text}
