"""This file remembers what a unit answered; it guards that nothing is asked twice and that silence ends the asking."""

from collections.abc import Mapping
from typing import Protocol

from isolane.devices.point import SunSpec
from isolane.health.sources.discovery.wire import Answer, Refused
from isolane.health.sources.modbus.decode import text_of
from isolane.health.sources.modbus.plan import Span

_SILENT_MAX = 4
"""Questions without answer, one after another, after which the unit is left in peace."""
_MARK = [0x5375, 0x6E53]
_END = 0xFFFF
_MODELS_MAX = 64
_ADDRESS_MAX = 65_533
_COMMON = {"vendor": (2, 16), "model": (18, 16), "firmware": (42, 8), "serial": (50, 16)}
"""Offset from the id register and length of the texts of SunSpec's model 1."""


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

    async def sunspec_models(self, sunspec: SunSpec) -> dict[int, int]:
        """Walk the SunSpec chain; give the address of each model, empty if there is no chain.

        Source: SunSpec Device Information Model Specification 1.1, 6.2.
        """
        for base in sunspec.bases:
            if await self.read(Span("holding", base, 2)) == _MARK:
                return await self._chain(base + 2)
        return {}

    async def _chain(self, address: int) -> dict[int, int]:
        found: dict[int, int] = {}
        for _ in range(_MODELS_MAX):
            head = await self.read(Span("holding", address, 2)) if address <= _ADDRESS_MAX else None
            if head is None or isinstance(head, Refused) or head[0] == _END:
                break
            found.setdefault(head[0], address)
            address += 2 + head[1]
        return found

    async def sunspec_texts(self, models: Mapping[int, int]) -> dict[str, str]:
        """Read how a SunSpec device names itself."""
        if 1 not in models:
            return {}
        texts = {
            name: await self.text(Span("holding", models[1] + offset, words))
            for name, (offset, words) in _COMMON.items()
        }
        return {name: text for name, text in texts.items() if text}
