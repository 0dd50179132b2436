"""This file says what a model measures; it guards that nothing is judged without its unit, limit and source.

A model turns rows into features: one number per session, per hour or per day. A measure says what a series of features
means: which component it is about, where it began, where its published end of life is. docs/reference/models shows
each with its equation and source.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from isolane.health.models.baseline import FEATURES


class Level(IntEnum):
    """How much something matters; docs/reference/health-scores.md."""

    NONE = -1
    INFO = 0
    """L0: a new extreme, a counter."""
    WATCH = 1
    """L1: drifts within limits."""
    PLAN = 2
    """L2: half of the way to the limit, or P(fail 90 d) > 20 %: for the next planned visit."""
    DISPATCH = 3
    """L3: beyond the limit, or P(fail 30 d) > 30 %, or it derates: a work order."""
    SAFETY = 4
    """L4: a protective limit, at which the charger must have stopped by itself."""


class Basis(StrEnum):
    """What a score rests on."""

    MEASURED = "measured"
    """The part's own behaviour."""
    MODELLED = "modelled"
    """A law of life, fed with what the part went through."""
    COUNTED = "counted"
    """Operations or hours, against what the part is rated for."""


class Per(StrEnum):
    """How often a measure gives a feature."""

    SESSION = "session"
    HOUR = "hour"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Remedy:
    """What to do about it.

    Attributes:
        text: What to do, in one sentence.
        part: What to bring.
        mrec: ChargeX minimum required error code, "" if none fits.
        unified: CharIN unified error name, "" if none fits.
    """

    text: str
    part: str = ""
    mrec: str = ""
    unified: str = ""


@dataclass(frozen=True, slots=True)
class Measure:
    """What a series of features means.

    Attributes:
        name: Unique within the model; instances in brackets: ``contact_heating[DCplus]``.
        component: OCPP component that owns the score, with its instance: ``TemperatureSensor[ContactDCplus]``.
        unit: Of the features.
        per: How often they come.
        basis: What the score rests on.
        remedy: What to do.
        ratio: End of life as a multiple of the baseline; one of it, `beyond`, `limit` and `spreads` is given, others
            are NaN.
        beyond: End of life as so much more than the baseline in the unit, less where it falls; not with `log`.
        limit: End of life in the unit.
        spreads: End of life as so many standard deviations of the baseline away from it; not with `log`.
        start: Value as new where it needs no baseline (0 for damage); NaN if it is learnt.
        plan: L2 in the same way: a multiple, so much more, a value or so many standard deviations; NaN is half way.
        dispatch: L3 likewise; NaN is the end of life.
        urged: The highest level that its prognosis may raise; L2 of what has no L3 of its own.
        watch: L1 likewise: additionally to the drift test the estimate has to be beyond it; NaN is the drift alone.
        scatter: Of one feature about its truth, relative (with `log`) or in the unit: what is expected at least.
        walk: How far the truth may go from one feature to the next, of daily ones in a day, likewise; NaN is a fifth
            of the scatter.
        baseline: Features that are enough for a baseline before 14 days are over; more where each scatters widely.
        log: Whether the logarithm is what is tested; only for values above 0.
        rises: Whether the part gets worse as the value rises.
        foretold: Whether its end may be foretold from its way; not of what does not wear, such as a supply.
    """

    name: str
    component: str
    unit: str
    per: Per
    basis: Basis
    remedy: Remedy
    ratio: float = math.nan
    beyond: float = math.nan
    limit: float = math.nan
    spreads: float = math.nan
    start: float = math.nan
    plan: float = math.nan
    dispatch: float = math.nan
    urged: Level = Level.DISPATCH
    watch: float = math.nan
    scatter: float = 0.05
    walk: float = math.nan
    baseline: int = FEATURES
    log: bool = False
    rises: bool = True
    foretold: bool = True

    def __post_init__(self) -> None:
        """Refuse a measure that could not be judged.

        Raises:
            ValueError: Not exactly one of `ratio`, `beyond`, `limit` and `spreads`, or of a logarithm what is of the
                value.
        """
        if sum(not math.isnan(each) for each in (self.ratio, self.beyond, self.limit, self.spreads)) != 1:
            raise ValueError(f"{self.name}: its end of life is one of a ratio, a span, a limit and a number of spreads")
        if self.log and not (math.isnan(self.spreads) and math.isnan(self.beyond)):
            raise ValueError(f"{self.name}: spans and spreads are of the value, not of its logarithm")


@dataclass(frozen=True, slots=True)
class Feature:
    """One number about a part.

    Attributes:
        measure: Name of the measure it belongs to.
        at_s: UTC second of its end.
        value: In the measure's unit.
        sd: Of this value as the model reckons it, in the unit; 0 if it does not know.
        n: Samples it rests on.
        evidence: What else a person wants to see beside it, by name with unit: ``peak_c``, ``mean_a``.
    """

    measure: str
    at_s: int
    value: float
    sd: float = 0.0
    n: int = 1
    evidence: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that needs no history to be judged: a weld, a lost phase, a sensor that cannot be right.

    Attributes:
        name: Unique within the model, instances in brackets.
        component: As in `Measure`.
        at_s: UTC second at which it was seen, or was over.
        level: How much it matters; NONE when it is over.
        remedy: What to do.
        value: What was seen.
        limit: What it was held against.
        unit: Of both.
    """

    name: str
    component: str
    at_s: int
    level: Level
    remedy: Remedy
    value: float = math.nan
    limit: float = math.nan
    unit: str = ""
