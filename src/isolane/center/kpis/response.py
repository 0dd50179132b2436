"""This file computes how fast faults are seen, taken and mended; it guards that what nobody recorded has no figure.

It joins two records that know nothing of each other: failures, which days of samples tell, and alarms with what people
did about them. An alarm tells of a failure when it is about the same charger and was opened while the failure lasted,
or within `_TOLD_LATE_MS` of its end. Equations and sources: docs/reference/kpis.md.
"""

import asyncio
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from isolane.center.kpis.facts import read_facts
from isolane.center.kpis.months import month_days
from isolane.center.kpis.outages import REPEAT_DAYS, Outage, joined
from isolane.center.kpis.timeline import DAY_MS
from isolane.center.store.alert_port import Alerts
from isolane.center.store.alert_views import Alert, AlertQuery, Level
from isolane.center.store.kpi_book import KpiBook, PortKey
from isolane.center.store.response_port import ResponseLine, ResponseReport

_TOLD_LATE_MS: Final = 3_600_000
_PAGE: Final = 500
_MINUTE_MS: Final = 60_000
_NO_FINDINGS: Final = "Who closes an alarm writes words; no field says that nothing was found."


@dataclass(slots=True)
class _Site:
    """What is known of one site, or of all of them; lengths in ms."""

    alarms: int = 0
    to_ack: list[int] = field(default_factory=list)
    failures: int = 0
    to_alarm: list[int] = field(default_factory=list)
    onset_to_ack: list[int] = field(default_factory=list)
    jobs: int = 0
    again: list[bool] = field(default_factory=list)

    def add(self, other: "_Site") -> None:
        """Add another site."""
        self.alarms += other.alarms
        self.to_ack += other.to_ack
        self.failures += other.failures
        self.to_alarm += other.to_alarm
        self.onset_to_ack += other.onset_to_ack
        self.jobs += other.jobs
        self.again += other.again


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure whose begin was seen."""

    site: str
    charger: str
    from_ms: int
    to_ms: int


class ResponseTimes:
    """Implements `store.response_port.Responses`.

    Args:
        book: Stored days.
        alerts: Alarms and what people did about them.
    """

    def __init__(self, book: KpiBook, alerts: Alerts) -> None:
        self._book = book
        self._alerts = alerts

    async def response(self, month: str, sites: frozenset[str] | None = None) -> ResponseReport:
        """See `Responses.response`."""
        now_ms = time.time_ns() // 1_000_000
        first, after = month_days(month, now_ms // DAY_MS)
        period = (first * DAY_MS, after * DAY_MS)
        opened = await self._all(AlertQuery(sites=sites, opened_since_ms=period[0], limit=_PAGE))
        closed = await self._all(AlertQuery(sites=sites, closed_since_ms=period[0], limit=_PAGE))
        alerts = {one.number: one for one in (*opened, *closed) if one.site}
        texts = await self._book.facts(first, after - 1) if first < after else []
        if sites is not None:
            texts = [one for one in texts if one[0][0] in sites]
        failures = await asyncio.to_thread(failures_of, texts, period)
        lines, total = lines_of(period, list(alerts.values()), failures, now_ms)
        return ResponseReport(month, *period, lines, total)

    async def _all(self, query: AlertQuery) -> list[Alert]:
        found: list[Alert] = []
        before: int | None = None
        while True:
            page = await self._alerts.page(
                AlertQuery(
                    sites=query.sites, opened_since_ms=query.opened_since_ms, closed_since_ms=query.closed_since_ms,
                    limit=query.limit, before=before,
                )
            )  # fmt: skip
            found += page.alerts
            before = page.before
            if before is None:
                return found


def failures_of(texts: Iterable[tuple[PortKey, int, bytes]], period: tuple[int, int]) -> list[Failure]:
    """Find the failures that began in a period and whose begin was seen.

    Args:
        texts: Facts of stored days, by port and day.
        period: From, and first instant after.
    """
    outages: dict[PortKey, list[Outage]] = {}
    for key, _, text in sorted(texts, key=lambda one: (one[0], one[1])):
        outages.setdefault(key, []).extend(read_facts(text).outages)
    return [
        Failure(key[0], key[1], one.from_ms, one.to_ms)
        for key, own in outages.items()
        for one in joined(own)
        if one.fault and one.begun and period[0] <= one.from_ms < period[1]
    ]


def lines_of(
    period: tuple[int, int], alerts: Sequence[Alert], failures: Sequence[Failure], now_ms: int
) -> tuple[list[ResponseLine], ResponseLine]:
    """Compute every site's line, and that of all together.

    Args:
        period: From, and first instant after.
        alerts: Those opened since its begin, and those closed since then; each with a site.
        failures: Those that began in it.
        now_ms: How far the record of alarms goes.
    """
    sites: dict[str, _Site] = {}
    openings: dict[tuple[str, str], list[int]] = {}
    for alert in alerts:
        openings.setdefault((alert.rule, alert.subject), []).append(alert.opened_ms)
    for alert in alerts:
        _count(sites.setdefault(alert.site, _Site()), alert, openings[alert.rule, alert.subject], period, now_ms)
    by_charger: dict[tuple[str, str], list[Alert]] = {}
    for alert in sorted(alerts, key=lambda one: one.opened_ms):
        by_charger.setdefault((alert.site, alert.device), []).append(alert)
    for failure in failures:
        _detect(sites.setdefault(failure.site, _Site()), failure, by_charger.get((failure.site, failure.charger), []))
    total = _Site()
    for one in sites.values():
        total.add(one)
    return [_line(name, one) for name, one in sorted(sites.items())], _line("", total)


def _count(site: _Site, alert: Alert, openings: Sequence[int], period: tuple[int, int], now_ms: int) -> None:
    """Count an alarm, and the job that it may have been; `openings` of its rule and subject."""
    if period[0] <= alert.opened_ms < period[1] and alert.level >= Level.L2:
        site.alarms += 1
        if alert.acknowledged_ms is not None:
            site.to_ack.append(alert.acknowledged_ms - alert.opened_ms)
    closed_ms = alert.closed_ms
    was_taken = alert.acknowledged_ms is not None or bool(alert.assignee)
    if alert.level < Level.L3 or closed_ms is None or not period[0] <= closed_ms < period[1] or not was_taken:
        return
    site.jobs += 1
    until_ms = closed_ms + REPEAT_DAYS * DAY_MS
    came_again = any(closed_ms <= opened_ms < until_ms for opened_ms in openings if opened_ms != alert.opened_ms)
    if came_again or until_ms <= now_ms:
        site.again.append(came_again)


def _detect(site: _Site, failure: Failure, alerts: Sequence[Alert]) -> None:
    """Find the first alarm that tells of a failure."""
    site.failures += 1
    for alert in alerts:
        if failure.from_ms <= alert.opened_ms < failure.to_ms + _TOLD_LATE_MS:
            site.to_alarm.append(alert.opened_ms - failure.from_ms)
            if alert.acknowledged_ms is not None:
                site.onset_to_ack.append(alert.acknowledged_ms - failure.from_ms)
            return


def _line(name: str, site: _Site) -> ResponseLine:
    judged = len(site.again)
    repeat = round(sum(site.again) / judged * 100, 4) if judged else None
    figures = {
        "mtta_min": (_mean_min(site.to_ack), "Nobody has acknowledged an alarm of this month."),
        "mttd_min": (_mean_min(site.to_alarm), "No alarm tells of a failure of this month whose begin was seen."),
        "onset_to_ack_min": (_mean_min(site.onset_to_ack), "Nobody has acknowledged an alarm that tells of a failure."),
        "first_time_fix_percent": (None if repeat is None else round(100 - repeat, 4), _why_unjudged(site)),
        "repeat_visit_percent": (repeat, _why_unjudged(site)),
        "no_fault_found_percent": (None, _NO_FINDINGS),
    }
    return ResponseLine(
        site=name,
        alarms=site.alarms,
        acknowledged=len(site.to_ack),
        failures=site.failures,
        detected=len(site.to_alarm),
        jobs=site.jobs,
        jobs_judged=judged,
        reasons={key: why for key, (value, why) in figures.items() if value is None},
        **{key: value for key, (value, _) in figures.items()},
    )


def _why_unjudged(site: _Site) -> str:
    if site.jobs:
        return f"{REPEAT_DAYS} days are not over since the jobs of this month were closed."
    return "No alarm of level L3 or above was taken by somebody and closed in this month."


def _mean_min(lengths_ms: Sequence[int]) -> float | None:
    return round(statistics.fmean(lengths_ms) / _MINUTE_MS, 4) if lengths_ms else None
