"""This file states the port through which whole fleets' health is asked for; it guards that all show the same.

`center.fleet` implements it over the books; nobody else computes what is here.
"""

from dataclasses import dataclass
from typing import Protocol

from isolane.center.store.health_views import PartHealth

Sites = frozenset[str] | None
"""Sites that the asker may know of; None for all."""


@dataclass(frozen=True, slots=True)
class WorstPart:
    """A part that needs somebody.

    Attributes:
        part: Itself.
        model: Of its charger by the nameplate; "" when nobody has entered one.
        fail_30d: Probability that it fails within 30 days; None where nothing may be said.
        repair_h: Mean time to repair at its site, of the newest of the last three months that has one; None without.
        saved_h: Hours of outage that are expected within 30 days if nobody comes; None where one of the two is missing.
    """

    part: PartHealth
    model: str
    fail_30d: float | None
    repair_h: float | None
    saved_h: float | None


@dataclass(frozen=True, slots=True)
class WorstQuery:
    """Which parts; "" takes all.

    Attributes:
        sites: Only of these sites.
        site: Only of this site.
        model: Only of chargers of this model.
        component: Only of components whose name begins so.
    """

    sites: Sites = None
    site: str = ""
    model: str = ""
    component: str = ""


@dataclass(frozen=True, slots=True)
class Cohort:
    """Parts of one kind in chargers of one model, and how they began: median and robust spread of theta as new."""

    model: str
    component: str
    measure: str
    unit: str
    count: int
    median: float
    spread: float
    off: list[PartHealth]
    """More than three spreads from the median."""


@dataclass(frozen=True, slots=True)
class Survival:
    """How parts of one kind last.

    Attributes:
        component: Without its instance.
        measure: Likewise.
        count: Parts.
        failures: Those that reached L3.
        days: Ages at which somebody failed, d.
        share: Share that lasts longer than that (Kaplan-Meier).
        low: Lower end of its 95 % interval.
        high: Upper end.
        shape: Of the Weibull fit; None with fewer than five failures.
        scale_days: Likewise.
    """

    component: str
    measure: str
    count: int
    failures: int
    days: list[float]
    share: list[float]
    low: list[float]
    high: list[float]
    shape: float | None
    scale_days: float | None


@dataclass(frozen=True, slots=True)
class SparePart:
    """How many of a part are expected to be needed within 90 days, with the ends of an 80 % interval."""

    part: str
    expected: float
    low: int
    high: int
    published: int
    """Parts whose own model says so."""
    by_cohort: int
    """Parts of which only their kind's curve says so."""
    unknown: int
    """Parts of which nothing can be said; they are in none of the numbers."""


@dataclass(frozen=True, slots=True)
class FleetReport:
    """What is known of a fleet. `lacks` says what to install when curves cannot be computed; "" when they are."""

    cohorts: list[Cohort]
    survivals: list[Survival]
    spares: list[SparePart]
    lacks: str


class FleetHealth(Protocol):
    """A fleet's health. Calls raise `UnavailableError` when the store is away."""

    async def worst(self, query: WorstQuery) -> list[WorstPart]:
        """Give parts at L1 or above, the worst first."""
        ...

    async def report(self, sites: Sites = None) -> FleetReport:
        """Give cohorts, curves of life, and the spare parts that are likely to be needed."""
        ...
