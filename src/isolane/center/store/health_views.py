"""This file defines what is shown of parts; it guards that who shows knows nothing of tables."""

from collections.abc import Mapping
from dataclasses import dataclass

from isolane.wire.health_paper import LevelNote, ScoreNote


@dataclass(frozen=True, slots=True)
class PartHealth:
    """A part.

    Attributes:
        number: Tells it apart.
        site: Where.
        gateway: Which told of it.
        charger: Its identity.
        place: EVSE and connector.
        component: OCPP component with its instance.
        model: Kind and version of the model.
        measure: Name of the measure or finding.
        level: -1 to 4.
        value: State of health, 0 to 100; None while it is learnt, and of a finding.
        at_ms: UTC of the newest thing said of it.
        since_ms: UTC since which it has its level.
        score: The newest; None of a finding.
        change: The newest change of level.
    """

    number: int
    site: str
    gateway: str
    charger: str
    place: str
    component: str
    model: str
    measure: str
    level: int
    value: float | None
    at_ms: int
    since_ms: int
    score: ScoreNote | None
    change: LevelNote | None


@dataclass(frozen=True, slots=True)
class FeaturePoint:
    """One feature: UTC ms, value and standard deviation in the measure's unit, samples behind it, evidence."""

    at_ms: int
    value: float | None
    sd: float | None
    n: int
    evidence: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class PartChange:
    """A change of level of a part; `number` counts up."""

    number: int
    site: str
    part: int
    at_ms: int
    before: int
    level: int
    note: LevelNote


@dataclass(frozen=True, slots=True)
class PartQuery:
    """Which parts; None takes all.

    Attributes:
        sites: Only of these sites.
        site: Only of this site.
        charger: Only of this charger.
        level_min: Only of this level or above.
        before: Only with a number below.
        limit: At most so many.
    """

    sites: frozenset[str] | None = None
    site: str | None = None
    charger: str | None = None
    level_min: int = -1
    before: int | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class PartPage:
    """Some parts; `before` asks for the next page, None at the end."""

    parts: list[PartHealth]
    before: int | None


@dataclass(frozen=True, slots=True)
class ChangeQuery:
    """Which changes of level; None takes all. Fields as of `PartQuery`; `level_min` is of the level from then on."""

    sites: frozenset[str] | None = None
    site: str | None = None
    charger: str | None = None
    level_min: int = -1
    before: int | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class ChangePage:
    """Some changes, newest first; `before` asks for the next page, None at the end."""

    changes: list[PartChange]
    before: int | None


@dataclass(frozen=True, slots=True)
class PartLife:
    """A part, when it was first told of, and when it first was at L3 or above (None: not yet); UTC ms."""

    part: PartHealth
    first_ms: int
    failed_ms: int | None
