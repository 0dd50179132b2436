"""This file defines what readers of figures get to see; it guards that a figure nobody can know is None, never a zero.

Times are UTC in ms. docs/reference/kpis.md has each figure's equation and source.
"""

from dataclasses import dataclass
from enum import StrEnum


class Grouping(StrEnum):
    """What a line of a report stands for."""

    PORT = "port"
    CHARGER = "charger"
    SITE = "site"
    MODEL = "model"
    FIRMWARE = "firmware"


class ExclusionReason(StrEnum):
    """Why a time does not count, as 23 CFR 680.116(b)(3) lists it."""

    UTILITY = "utility"
    """The electric utility's service was interrupted."""
    VEHICLE = "vehicle"
    """The vehicle's own fault."""
    MAINTENANCE = "maintenance"
    """Scheduled maintenance."""
    VANDALISM = "vandalism"
    """Somebody broke it."""
    DISASTER = "disaster"
    """A natural disaster."""
    CLOSED = "closed"
    """Outside the station's hours of operation."""


@dataclass(frozen=True, slots=True)
class KpiLine:
    """One line of a report: a port, or the ports of a charger, site, model or firmware together.

    Attributes:
        name: Of the group.
        site: Site name; "" for a model or firmware.
        charger: Identity; "" for more than one.
        port: Number of the port; None for more than one.
        model: As entered by somebody; "" when nobody has.
        firmware: Likewise.
        ports: How many ports.
        total_min: The period, of all ports.
        outage_min: T_outage: down or not connected, as far as known.
        excluded_min: T_excluded of these.
        offline_min: The part of T_outage in which the charger was not connected.
        unknown_min: Nobody knows, and not excluded.
        known_percent: How much of the period is known.
        uptime_percent: By the rule, every unknown minute counted as an outage.
        uptime_percent_at_most: By the rule, every unknown minute counted as up.
        online_percent: Of the time in which the charger was connected and known.
        year_percent: `uptime_percent` over the previous twelve months.
        year_percent_at_most: Likewise.
        verdict: Whether over 97 % of these twelve months are met: "met", "missed", "not known"; of several the worst.
        attempts: Charging attempts that were wholly seen.
        attempts_unseen: Those that were not; no other number has them.
        authorised: Attempts that reached this rung.
        started: Likewise.
        energy: Likewise.
        ended_well: Likewise.
        visits: Visits.
        first_time_percent: Visits whose first attempt reached "energy".
        visit_percent: Visits of which any attempt did.
        energy_kwh: What flowed in the attempts.
        failures: Outages with a fault that began in the period and that no exclusion touches.
        failures_excluded: Those that one touches.
        mtbf_h: Mean time between failures.
        mttr_h: Mean time to repair.
        repair_median_h: Median of the same.
        repair_p90_h: The time that nine in ten repairs did not exceed.
        availability_percent: MTBF / (MTBF + MTTR).
        repeat_percent: Failures within 14 days of the end of the one before at the same port.
        delivery_percent: Energy delivered of what vehicles asked for, held to the rated power.
    """

    name: str
    site: str
    charger: str
    port: int | None
    model: str
    firmware: str
    ports: int
    total_min: float
    outage_min: float
    excluded_min: float
    offline_min: float
    unknown_min: float
    known_percent: float | None
    uptime_percent: float | None
    uptime_percent_at_most: float | None
    online_percent: float | None
    year_percent: float | None
    year_percent_at_most: float | None
    verdict: str
    attempts: int
    attempts_unseen: int
    authorised: int
    started: int
    energy: int
    ended_well: int
    visits: int
    first_time_percent: float | None
    visit_percent: float | None
    energy_kwh: float
    failures: int
    failures_excluded: int
    mtbf_h: float | None
    mttr_h: float | None
    repair_median_h: float | None
    repair_p90_h: float | None
    availability_percent: float | None
    repeat_percent: float | None
    delivery_percent: float | None


@dataclass(frozen=True, slots=True)
class KpiReport:
    """Figures of a month, of whole UTC days; a month that goes on ends with the last day that is over.

    Attributes:
        month: As "2026-10".
        by: What a line stands for.
        from_ms: Begin.
        to_ms: First instant after.
        lines: By name.
    """

    month: str
    by: Grouping
    from_ms: int
    to_ms: int
    lines: list[KpiLine]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time at a port: `kind` is "down", "faulted", "offline" or "unknown"; `excluded` the reasons that cover it."""

    from_ms: int
    to_ms: int
    kind: str
    excluded: list[str]


@dataclass(frozen=True, slots=True)
class AttemptEntry:
    """A charging attempt: how far it came ("plugged" to "ended_well"), and whether it was the first of its visit."""

    from_ms: int
    to_ms: int
    reached: str
    seen: bool
    first: bool
    energy_wh: float


@dataclass(frozen=True, slots=True)
class ExclusionEntry:
    """A time that uptime does not count, as somebody entered it; withdrawn ones count for nothing."""

    number: int
    site: str
    charger: str
    port: int
    from_ms: int
    to_ms: int
    reason: str
    evidence: str
    made_by: str
    made_ms: int
    withdrawn_by: str | None
    withdrawn_ms: int | None


@dataclass(frozen=True, slots=True)
class NameplateEntry:
    """What a charger is from a time on: the newest counts. `rated_w` is 0 when nobody has said."""

    number: int
    site: str
    charger: str
    from_ms: int
    model: str
    firmware: str
    rated_w: int
    made_by: str
    made_ms: int


@dataclass(frozen=True, slots=True)
class KpiEvidence:
    """What a port's figures of a month were computed from.

    Attributes:
        line: The figures.
        from_ms: Begin.
        to_ms: First instant after.
        days_computed: Days that were read out of the store.
        days: Days of the period in which the port was in service.
        signals: Keys of the signals that were read.
        stretches: Every time in which the port was not known to be up, ascending.
        attempts: Every attempt that began in the period, ascending.
        exclusions: Those that touch the period, withdrawn ones too.
    """

    line: KpiLine
    from_ms: int
    to_ms: int
    days_computed: int
    days: int
    signals: list[str]
    stretches: list[Stretch]
    attempts: list[AttemptEntry]
    exclusions: list[ExclusionEntry]
