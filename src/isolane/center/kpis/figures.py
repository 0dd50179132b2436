"""This file puts a port's month together from its days; it guards that days nobody computed count as unknown."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from isolane.center.kpis.attempts import Attempt
from isolane.center.kpis.facts import DayFacts
from isolane.center.kpis.outages import Outage, Reliability, joined, reliability
from isolane.center.kpis.sessions import Sessions, sessions
from isolane.center.kpis.spans import Span, Spans, difference, normal, union
from isolane.center.kpis.timeline import DAY_MS
from isolane.center.kpis.uptime import Uptime, uptime

Days = Sequence[tuple[int, DayFacts]]
"""Stored days of one port, ascending."""


@dataclass(frozen=True, slots=True)
class PortMonth:
    """A port's figures of a period, before they are worded; those of several ports add up.

    Attributes:
        ports: How many.
        uptime: See there.
        sessions: See there.
        reliability: See there.
        delivered_wh: Energy while it was known what vehicles asked for.
        requested_wh: What they asked for in that time.
    """

    ports: int = 0
    uptime: Uptime = field(default_factory=Uptime)
    sessions: Sessions = field(default_factory=Sessions)
    reliability: Reliability = field(default_factory=Reliability)
    delivered_wh: float = 0.0
    requested_wh: float = 0.0

    def __add__(self, other: "PortMonth") -> "PortMonth":
        """Add up two ports."""
        return PortMonth(
            self.ports + other.ports,
            self.uptime + other.uptime,
            self.sessions + other.sessions,
            self.reliability + other.reliability,
            self.delivered_wh + other.delivered_wh,
            self.requested_wh + other.requested_wh,
        )

    @property
    def delivery_percent(self) -> float | None:
        """Power-delivery ratio: energy delivered of what was asked for; None where nothing tells what was."""
        return self.delivered_wh / self.requested_wh * 100 if self.requested_wh else None


@dataclass(frozen=True, slots=True)
class Times:
    """When a port was down, offline or unknown, and its outages and attempts, over some days."""

    down: Spans
    offline: Spans
    unknown: Spans
    outages: list[Outage]
    attempts: list[Attempt]


def times_of(period: Span, days: Days) -> Times:
    """Join a port's days; what no stored day covers of the period is unknown.

    Args:
        period: Whole days.
        days: Also of before the period: outages then are joined too.
    """
    stored = normal((day * DAY_MS, (day + 1) * DAY_MS) for day, _ in days)
    missing = difference((period,) if period[0] < period[1] else (), stored)
    facts = [facts for _, facts in days]
    return Times(
        normal(span for one in facts for span in one.down),
        normal(span for one in facts for span in one.offline),
        union(missing, normal(span for one in facts for span in one.unknown)),
        joined([outage for one in facts for outage in one.outages]),
        [attempt for one in facts for attempt in one.attempts],
    )


def port_month(period: Span, days: Days, excluded: Spans) -> PortMonth:
    """Compute a port's figures.

    Args:
        period: Whole days in which the port was in service.
        days: Of the period and the 14 days before.
        excluded: What uptime does not count.
    """
    if period[0] >= period[1]:
        return PortMonth(ports=1)
    times = times_of(period, days)
    time = uptime(period, down=times.down, offline=times.offline, unknown=times.unknown, excluded=excluded)
    up_ms = time.total_ms - time.down_ms - time.offline_ms - time.unknown_ms
    own = [facts for day, facts in days if period[0] <= day * DAY_MS < period[1]]
    return PortMonth(
        1,
        time,
        sessions(period, times.attempts),
        reliability(period, times.outages, up_ms, excluded),
        sum(facts.delivered_wh for facts in own),
        sum(facts.requested_wh for facts in own),
    )


def excluded_parts(days: Days, excluded: Spans) -> Uptime:
    """Give what an exclusion takes of some days: only the excluded lengths are set.

    Args:
        days: Stored days of one port that exclusions touch.
        excluded: They.
    """
    total = Uptime()
    for day, facts in days:
        span = (day * DAY_MS, (day + 1) * DAY_MS)
        total += uptime(span, down=facts.down, offline=facts.offline, unknown=facts.unknown, excluded=excluded)
    return Uptime(
        down_excluded_ms=total.down_excluded_ms,
        offline_excluded_ms=total.offline_excluded_ms,
        unknown_excluded_ms=total.unknown_excluded_ms,
    )


def touched_days(excluded: Spans) -> set[int]:
    """Give the days that exclusions touch."""
    return {day for begin, end in excluded for day in range(begin // DAY_MS, -(-end // DAY_MS))} if excluded else set()
