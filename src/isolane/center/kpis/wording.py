"""This file words figures as a report's line; it guards that a line's numbers all come from one sum of ports."""

from collections.abc import Iterable
from typing import Final

from isolane.center.kpis.figures import PortMonth
from isolane.center.store.kpi_views import KpiLine

_MINUTE_MS: Final = 60_000
_DIGITS: Final = 4
"""Of percents and hours: minutes of a year are 2e-4 %."""

VERDICTS: Final = ("missed", "not known", "met")
"""The worst first."""


def line(
    name: str,
    where: tuple[str, str, int | None, str, str],
    figures: PortMonth,
    year: tuple[float | None, float | None],
    verdict: str,
) -> KpiLine:
    """Word one line.

    Args:
        name: Of the group.
        where: Site, charger, port, model, firmware; "" and None for more than one.
        figures: Of all its ports.
        year: Uptime over the previous twelve months, not below and not above.
        verdict: On that.
    """
    time, sessions, failures = figures.uptime, figures.sessions, figures.reliability
    _, authorised, started, energy, ended_well = sessions.reached
    return KpiLine(
        name,
        *where,
        ports=figures.ports,
        total_min=_minutes(time.total_ms),
        outage_min=_minutes(time.outage_ms),
        excluded_min=_minutes(time.excluded_ms),
        offline_min=_minutes(time.offline_ms),
        unknown_min=_minutes(time.unknown_ms - time.unknown_excluded_ms),
        known_percent=_short(time.known_percent),
        uptime_percent=_short(time.percent),
        uptime_percent_at_most=_short(time.percent_at_most),
        online_percent=_short(time.online_percent),
        year_percent=_short(year[0]),
        year_percent_at_most=_short(year[1]),
        verdict=verdict,
        attempts=sessions.attempts,
        attempts_unseen=sessions.unseen,
        authorised=authorised,
        started=started,
        energy=energy,
        ended_well=ended_well,
        visits=sessions.visits,
        first_time_percent=_short(sessions.first_time_percent),
        visit_percent=_short(sessions.visit_percent),
        energy_kwh=round(sessions.energy_wh / 1000, 3),
        failures=failures.failures,
        failures_excluded=failures.excluded,
        mtbf_h=_short(failures.mtbf_h),
        mttr_h=_short(failures.mttr_h),
        repair_median_h=_short(failures.repair_median_h),
        repair_p90_h=_short(failures.repair_p90_h),
        availability_percent=_short(failures.availability_percent),
        repeat_percent=_short(failures.repeat_percent),
        delivery_percent=_short(figures.delivery_percent),
    )


def worst(verdicts: Iterable[str]) -> str:
    """Give the worst verdict; "not known" of none."""
    return min(verdicts, key=VERDICTS.index, default="not known")


def _minutes(ms: int) -> float:
    return round(ms / _MINUTE_MS, 3)


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)
