"""This file goes through unit ids and says what answers; it guards that a scan ends in its time and says what it left.

Operation: three unlikely unit ids are asked first. If they give data, the server answers whatever unit is asked, and
only its first unit is looked at. If they give refusals, a refusal is no sign of life on that server. Then each unit is
asked one register; one that lives is asked for its identification, its SunSpec chain, and what the templates expect.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from isolane.devices.point import SunSpec, Template
from isolane.health.sources.discovery.ask import Asked, Asks
from isolane.health.sources.discovery.weigh import Candidate, weigh, weigh_sunspec
from isolane.health.sources.discovery.wire import Refused
from isolane.health.sources.modbus.plan import Span

UNLIKELY_UNITS = (211, 223, 239)
_FEW_UNITS = 8
"""So many named units are looked at even where a refusal is no sign of life; of more, the templates' factory units."""
_PRESENCE = Span("holding", 0, 2)
_SCORE_MIN = 20
_CANDIDATES_MAX = 3


@dataclass(frozen=True, slots=True)
class Found:
    """A unit that answers.

    Attributes:
        unit: Unit id.
        texts: How it names itself, by name of the text.
        sunspec_models: Numbers of its SunSpec models.
        candidates: Templates that fit, best first.
    """

    unit: int
    texts: Mapping[str, str]
    sunspec_models: tuple[int, ...]
    candidates: tuple[Candidate, ...]


@dataclass(slots=True)
class Report:
    """What a scan found.

    Attributes:
        found: Units that answer, by unit id.
        silent: Units that were asked and do not live.
        left: Units that the time did not suffice for.
        any_unit: Whether the server answers whatever unit is asked.
    """

    found: list[Found] = field(default_factory=list)
    silent: list[int] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    any_unit: bool = False


async def scan(
    wire: Asks,
    units: Sequence[int],
    templates: Mapping[str, Template],
    budget_s: float,
    tell: Callable[[int], None] = lambda _unit: None,
) -> Report:
    """Look for devices.

    Args:
        wire: Where to ask.
        units: Unit ids to look at, in this order.
        templates: What may be found, by name.
        budget_s: Longest duration, s.
        tell: Called with each unit before it is asked.

    Raises:
        IsolaneError: The wire is gone.
    """
    report = Report()
    remaining = list(units)
    try:
        async with asyncio.timeout(budget_s):
            await _scan(wire, remaining, templates, report, tell)
    except TimeoutError:
        report.left = remaining
    return report


async def _scan(
    wire: Asks,
    remaining: list[int],
    templates: Mapping[str, Template],
    report: Report,
    tell: Callable[[int], None],
) -> None:
    refusals_count = True
    likely = set(remaining if len(remaining) <= _FEW_UNITS else (each.unit for each in templates.values()))
    if len(remaining) > 1:
        odd = [await wire.read(unit, _PRESENCE) for unit in UNLIKELY_UNITS]
        report.any_unit = all(isinstance(answer, list) for answer in odd)
        refusals_count = not any(isinstance(answer, Refused) for answer in odd)
    while remaining:
        unit = remaining[0]
        tell(unit)
        asked = Asked(wire, unit)
        answer = await asked.read(_PRESENCE)
        doubtful = isinstance(answer, Refused) and not refusals_count
        if answer is None or (doubtful and unit not in likely and not await asked.has_sunspec_mark()):
            report.silent.append(unit)
        else:
            found = await _examine(asked, templates)
            if found.candidates or found.sunspec_models or not doubtful:
                report.found.append(found)
            else:
                report.silent.append(unit)
        del remaining[0]
        if report.any_unit and report.found:
            remaining.clear()


async def _examine(asked: Asked, templates: Mapping[str, Template]) -> Found:
    texts = dict(await asked.identification())
    needed = next((each.sunspec for each in templates.values() if each.sunspec), None)
    models = await asked.sunspec_models(needed or SunSpec(models=(1,)))
    texts |= await asked.sunspec_texts(models)
    candidates = []
    for name, template in templates.items():
        if template.sunspec is not None:
            candidate = weigh_sunspec(name, template, models)
        else:
            candidate = await weigh(name, template, asked, texts)
        if candidate is not None and candidate.score >= _SCORE_MIN:
            candidates.append(candidate)
    candidates.sort(key=lambda each: (-each.score, each.template))
    best = tuple(candidates[:_CANDIDATES_MAX])
    if best:
        texts |= await _texts(templates[best[0].template], asked)
    return Found(asked.unit, texts, tuple(models), best)


async def _texts(template: Template, asked: Asked) -> dict[str, str]:
    """Read how the best candidate says that the device names itself."""
    texts = {
        each.name: await asked.text(Span(each.table or template.table, each.address, each.words))
        for each in template.identity
        if each.model is None
    }
    return {name: text for name, text in texts.items() if text}
