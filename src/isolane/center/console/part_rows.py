"""This file turns parts into rows of pages; it guards that no number is without its uncertainty and its basis.

Scores are never averaged: of several measures of a component the lowest is the component's, and of a charger the page
names the lowest component that people's safety rests on and the three lowest.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from isolane.center.console import formats
from isolane.center.console.alarms import LEVELS
from isolane.center.console.labels import component, measure
from isolane.center.store.health_views import PartHealth
from isolane.wire.health_paper import RemedyNote, ScoreNote

SAFETY: Final = frozenset(
    {
        "PowerContactor",
        "GroundIsolationProtection",
        "RCD",
        "TemperatureSensor",
        "Connector",
        "ConnectorPlugRetentionLock",
        "CPPWMController",
        "ElectricalFeed",
    }
)
"""Components that people's safety rests on: contacts, insulation, earth, lock, pilot, supply with its neutral."""
LOWEST: Final = 3
LEARNING: Final = (
    "It learns its baseline from the first 50 features (sessions, hours or days; 200 of a contact), or those of 14 "
    "days, ten at least."
)
_PREFIXED: Final = frozenset({"Ohm", "W", "Wh", "B"})
_DIGITS: Final = 3
_DECIMALS_MAX: Final = 9


@dataclass(frozen=True, slots=True)
class PartRow:
    """A part as a row. `low` and `high` are the ends of the bar of uncertainty, 0 to 100; texts are plain."""

    part: PartHealth
    name: str
    outlet: str
    measure: str
    shown: str
    low: float
    high: float
    level: str
    tone: str
    icon: str
    rests: str
    theta: str
    limits: str
    prognosis: str
    action: str
    bring: str
    codes: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How a charger stands: its lowest component that safety rests on, and the three lowest of all."""

    safety: PartRow | None
    lowest: list[PartRow]
    learning: int
    worst_level: int


def amount(value: float | None, unit: str) -> str:
    """Write a measured quantity with three digits and its unit."""
    if value is None or not math.isfinite(value):
        return formats.NOTHING
    if unit in _PREFIXED:
        return formats.text(value, unit)
    decimals = max(0, _DIGITS - 1 - math.floor(math.log10(abs(value)))) if value else 0
    shown = formats.number(value, decimals) if decimals <= _DECIMALS_MAX else f"{value:.2e}"
    words = {"Celsius": "\u00b0C", "Percent": "%", "K/A2": "K/A\u00b2"}.get(unit, unit)
    return f"{shown}{formats.THIN}{words}".strip(formats.THIN)


def row(part: PartHealth) -> PartRow:
    """Make a row."""
    level, tone, icon = LEVELS[part.level] if part.level >= 0 else ("No finding", "good", "good")
    note, remedy = part.score, remedy_of(part)
    spread = (note.sd or 0.0) if note is not None else 0.0
    value = part.value
    codes = [f"{who} {code}" for who, code in (("MREC", remedy.mrec), ("CharIN", remedy.unified)) if code]
    return PartRow(
        part=part,
        name=component(part.component),
        outlet=_outlet(part.place),
        measure=measure(part.measure),
        shown=_shown(part),
        low=0.0 if value is None else max(0.0, value - spread),
        high=0.0 if value is None else min(100.0, value + spread),
        level=f"L{part.level} {level}" if part.level >= 0 else level,
        tone=tone,
        icon=icon,
        rests=f"{note.basis.capitalize()}, {note.n_obs} features, trust {note.trust}"
        if note is not None
        else "Finding",
        theta=_theta(part),
        limits=_limits(part),
        prognosis=prognosis(note) if note is not None else "",
        action=remedy.text,
        bring=remedy.part,
        codes=", ".join(codes),
    )


def standing(parts: Iterable[PartHealth]) -> Standing:
    """Tell how a charger stands, by its components' lowest measures."""
    parts = list(parts)
    by_component: dict[tuple[str, str], PartHealth] = {}
    for part in parts:
        known = by_component.get((part.place, part.component))
        if part.value is not None and (known is None or part.value < (known.value or 0.0)):
            by_component[part.place, part.component] = part
    ordered = sorted(by_component.values(), key=lambda part: (part.value or 0.0, -part.level, part.number))
    safe = next((part for part in ordered if part.component.partition("[")[0] in SAFETY), None)
    return Standing(
        safety=row(safe) if safe is not None else None,
        lowest=[row(part) for part in ordered[:LOWEST]],
        learning=sum(part.score is not None and part.value is None for part in parts),
        worst_level=max((part.level for part in parts), default=-1),
    )


def prognosis(note: ScoreNote) -> str:
    """Say how likely it fails, or why nothing is said."""
    if note.fail_30d is None and note.fail_90d is None:
        return f"No prognosis: {note.why_none or 'its gateway gives none'}."
    said = [
        f"{_percent(share)} within {days} d"
        for share, days in ((note.fail_30d, 30), (note.fail_90d, 90))
        if share is not None
    ]
    text = f"Fails with {', '.join(said)}."
    if note.days is not None and note.days[1] is not None:
        low, high = note.days[0], note.days[2]
        ends = f" ({_days(low)} to {_days(high)})" if low is not None and high is not None else ""
        text += f" End of life in {_days(note.days[1])} d{ends}."
    return text


def remedy_of(part: PartHealth) -> RemedyNote:
    """Give what to do: as it was said with the newest change, else with the score."""
    if part.change is not None:
        return part.change.remedy
    known = part.score.remedy if part.score is not None else None
    return known if known is not None else RemedyNote("")


def _days(days: float) -> str:
    return formats.number(days)


def _percent(share: float) -> str:
    return f"{formats.number(100 * share, 1 if share < 0.1 else 0)}{formats.THIN}%"  # noqa: PLR2004 - two digits


def _shown(part: PartHealth) -> str:
    if part.value is None:
        return "Learning" if part.score is not None else "Not scored"
    sd = part.score.sd if part.score is not None else None
    return formats.number(part.value) + ("" if sd is None else f" \u00b1 {formats.number(sd)}")


def _theta(part: PartHealth) -> str:
    if part.score is not None:
        spread = part.score.theta_sd
        end = "" if spread is None else f" \u00b1 {amount(spread, part.score.unit)}"
        return amount(part.score.theta, part.score.unit) + ("" if part.score.theta is None else end)
    return amount(part.change.value, part.change.unit) if part.change is not None else formats.NOTHING


def _limits(part: PartHealth) -> str:
    if part.score is not None:
        new, end = (amount(value, part.score.unit) for value in (part.score.theta_0, part.score.theta_end))
        return f"as new {new}, end of life {end}"
    return f"limit {amount(part.change.limit, part.change.unit)}" if part.change is not None else ""


def _outlet(place: str) -> str:
    evse = place.partition(".")[0]
    return f"Outlet {evse}" if evse.isdecimal() and int(evse) else "Station"


def rows(parts: Sequence[PartHealth]) -> list[PartRow]:
    """Make rows, in the order given."""
    return [row(part) for part in parts]
