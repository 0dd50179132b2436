"""This file says how well a template fits a unit; it guards that a score is the sum of reasons that can be read.

Operation: the marks of a template are read first, one that differs rules it out. Then voltages and frequency: a value
no mains has rules it out too. What is still possible is read whole, and each register that gives a value counts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from isolane.core.samples import Reason
from isolane.devices.point import BIT_TABLES, Mark, Point, Template
from isolane.health.sources.discovery.ask import Asked
from isolane.health.sources.modbus.decode import text_of, value_of
from isolane.health.sources.modbus.plan import Span, merge

MAINS_HZ = (45.0, 65.0)
MAINS_V = (80.0, 480.0)

_MARK_WEIGHT = 50
_FREQUENCY_WEIGHT = 20
_VOLTAGE_WEIGHT = 6
_WHOLE_WEIGHT = 20
_NAME_WEIGHT = 20
_SCORE_MAX = 100


@dataclass(slots=True)
class Candidate:
    """A template that may be a unit's.

    Attributes:
        template: Its name.
        score: 0 to 100.
        reasons: What speaks for it, and how much.
    """

    template: str
    score: int = 0
    reasons: list[str] = field(default_factory=list)

    def add(self, weight: int, reason: str) -> None:
        """Let a reason count."""
        self.score = min(self.score + weight, _SCORE_MAX)
        self.reasons.append(f"{reason} (+{weight})")


async def weigh(name: str, template: Template, asked: Asked, texts: Mapping[str, str]) -> Candidate | None:
    """Weigh a template that has no SunSpec part.

    Args:
        name: Of the template.
        template: What to look for.
        asked: The unit.
        texts: How the unit names itself, by device identification.

    Returns:
        The candidate, or None if something rules the template out.
    """
    candidate = Candidate(name)
    for mark in template.marks:
        said = await _mark(mark, template, asked)
        if said is None:
            return None
        candidate.add(_MARK_WEIGHT // len(template.marks), said)
    known = " ".join(texts.values()).casefold()
    if known and template.maker.casefold().split()[0] in known:
        candidate.add(_NAME_WEIGHT, f"the device names {template.maker}")
    if not await _mains(template, asked, candidate):
        return None
    values = await _values(template, asked, [point for point in template.points if _in_registers(point, template)])
    good = sum(isinstance(value, float) for value in values.values())
    if candidate.score == 0 and good < len(values):
        return None
    candidate.add(_WHOLE_WEIGHT * good // len(values), f"{good} of {len(values)} points give a value")
    return candidate


def weigh_sunspec(name: str, template: Template, models: Mapping[int, int]) -> Candidate | None:
    """Weigh a template with a SunSpec part against the models that were found."""
    if template.sunspec is None or not set(template.sunspec.models) <= set(models):
        return None
    candidate = Candidate(name)
    wanted = ", ".join(map(str, template.sunspec.models))
    candidate.add(_SCORE_MAX - _NAME_WEIGHT, f"SunSpec models {wanted} are there")
    return candidate


async def _mark(mark: Mark, template: Template, asked: Asked) -> str | None:
    """Say what a mark shows; None if it is not this model's."""
    words = await asked.read(Span(mark.table or template.table, mark.address, mark.size))
    if not isinstance(words, list):
        return None
    if mark.range is None:
        text = text_of(words)
        return f"register {mark.address} says {text!r}" if mark.text in text else None
    number = 0
    for word in words if template.word_order == "high-first" else reversed(words):
        number = number << 16 | word
    return f"register {mark.address} is {number}" if mark.range[0] <= number <= mark.range[1] else None


async def _mains(template: Template, asked: Asked, candidate: Candidate) -> bool:
    """Let voltages and frequency count; False if one of them is none that mains have."""
    telling = [point for point in template.points if _is_voltage(point) or point.unit == "Hz"]
    values = await _values(template, asked, telling)
    if telling and not any(isinstance(value, float) for value in values.values()):
        return False
    for point in telling:
        value = values[_name(point)]
        low, high = MAINS_V if _is_voltage(point) else MAINS_HZ
        if value == 0.0:  # a phase without supply, or a meter without current
            continue
        if not isinstance(value, float) or not low <= value <= high:
            return False
        candidate.add(_VOLTAGE_WEIGHT if _is_voltage(point) else _FREQUENCY_WEIGHT, f"{value:.4g} {point.unit}")
    return True


def _name(point: Point) -> str:
    return f"{point.scope} {point.key}"


def _is_voltage(point: Point) -> bool:
    return point.key.startswith("ElectricalFeed/ACVoltage[")


def _in_registers(point: Point, template: Template) -> bool:
    return (point.table or template.table) not in BIT_TABLES


async def _values(template: Template, asked: Asked, points: Iterable[Point]) -> dict[str, float | Reason]:
    """Read points; each gives a value or why there is none."""
    wanted = [(point, Span(point.table or template.table, point.address, point.words)) for point in points]
    requests = merge((span for _, span in wanted), template.registers_max, template.hole_max)
    values: dict[str, float | Reason] = {}
    for point, span in wanted:
        request = next(each for each in requests if _holds(each, span))
        answer = await asked.read(request)
        offset = span.address - request.address
        if isinstance(answer, list):
            value = value_of(point, template, answer[offset : offset + span.words])
            values[_name(point)] = value if isinstance(value, Reason) else float(value)
        else:
            values[_name(point)] = Reason.TIMEOUT if answer is None else Reason.REFUSED
    return values


def _holds(request: Span, span: Span) -> bool:
    inside = request.address <= span.address and span.address + span.words <= request.address + request.words
    return request.table == span.table and inside
