"""This file answers for figures; it guards that a report is made of stored days alone, so that it is fast and the same.

Implements `store.kpi_port.Figures`. What a month costs is decoding a few hundred bytes a port and day; what was made is
kept until a day, an exclusion or a nameplate changes.
"""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from isolane.center.kpis.attempts import RETRY, RUNGS
from isolane.center.kpis.facts import DayFacts, read_facts
from isolane.center.kpis.figures import PortMonth, Times, excluded_parts, port_month, times_of, touched_days
from isolane.center.kpis.months import month_days, year_before
from isolane.center.kpis.outages import REPEAT_DAYS
from isolane.center.kpis.plates import plate_at
from isolane.center.kpis.ports import LINK, STATION, ports_of
from isolane.center.kpis.spans import Span, Spans, intersection, normal
from isolane.center.kpis.timeline import DAY_MS
from isolane.center.kpis.uptime import Uptime, year_percent
from isolane.center.kpis.wording import line, worst
from isolane.center.store.kpi_book import DaySum, KpiBook, PortKey
from isolane.center.store.kpi_port import Sites
from isolane.center.store.kpi_views import (
    AttemptEntry,
    ExclusionEntry,
    ExclusionReason,
    Grouping,
    KpiEvidence,
    KpiLine,
    KpiReport,
    NameplateEntry,
    Stretch,
)
from isolane.center.store.port import Telemetry

_MONTHS_KEPT: Final = 4
_YEAR_MONTHS: Final = 12


@dataclass(frozen=True, slots=True)
class _Port:
    """One port's month, and its year as far as it was in service."""

    key: PortKey
    month: PortMonth
    year: Uptime
    whole_year: bool
    model: str
    firmware: str


@dataclass(frozen=True, slots=True)
class _Month:
    """All ports in a month, the period they were computed for, and the version of what they were computed from."""

    version: tuple[int, ...]
    period: Span
    ports: list[_Port]


class Reports:
    """Figures of months.

    Args:
        book: Stored days, and what people enter.
        telemetry: Names the signals that figures are made from.
    """

    def __init__(self, book: KpiBook, telemetry: Telemetry) -> None:
        self._book = book
        self._telemetry = telemetry
        self._months: dict[str, _Month] = {}
        self._making = asyncio.Lock()

    async def report(self, month: str, by: Grouping, sites: Sites = None) -> KpiReport:
        """See `Figures.report`."""
        made = await self._month(month)
        ports = [port for port in made.ports if sites is None or port.key[0] in sites]
        return KpiReport(month, by, *made.period, _lines(ports, by))

    async def evidence(self, month: str, site: str, charger: str, port: int) -> KpiEvidence | None:
        """See `Figures.evidence`."""
        made = await self._month(month)
        one = next((each for each in made.ports if each.key == (site, charger, port)), None)
        if one is None:
            return None
        first, after = made.period[0] // DAY_MS, made.period[1] // DAY_MS
        stored = await self._book.days(first, after - 1, site=site, charger=charger)
        days = [(entry.day, read_facts(entry.facts)) for entry in stored if entry.port[2] == port]
        in_service = (made.period[1] - one.month.uptime.total_ms, made.period[1])
        exclusions = [e for e in await self._book.exclusions() if _touches(e, one.key, made.period)]
        keys = {signal.key for signal in await self._telemetry.signals(site, charger)}
        own = [found for found in ports_of(keys) if found.number == port]
        signals = [key for key in (LINK, STATION) if key in keys] + [key for found in own for key in found.keys]
        times = times_of(in_service, days)
        return KpiEvidence(
            _lines([one], Grouping.PORT)[0],
            *made.period,
            days_computed=len(days),
            days=(in_service[1] - in_service[0]) // DAY_MS,
            signals=signals,
            stretches=_stretches(times, in_service, [e for e in exclusions if e.withdrawn_ms is None]),
            attempts=[
                AttemptEntry(a.from_ms, a.to_ms, RUNGS[a.rung - 1], a.seen, a.visit != RETRY, a.energy_wh)
                for a in times.attempts
                if in_service[0] <= a.from_ms < in_service[1]
            ],
            exclusions=exclusions,
        )

    async def exclusions(self, sites: Sites = None) -> list[ExclusionEntry]:
        """See `Figures.exclusions`."""
        return [one for one in await self._book.exclusions() if sites is None or one.site in sites]

    async def exclude(self, where: PortKey, span: Span, why: tuple[ExclusionReason, str], who: str) -> ExclusionEntry:
        """See `Figures.exclude`."""
        site, charger, port = where
        return await self._book.add_exclusion(
            site=site,
            charger=charger,
            port=port,
            from_ms=span[0],
            to_ms=span[1],
            reason=str(why[0]),
            evidence=why[1],
            made_by=who,
        )

    async def withdraw(self, number: int, who: str) -> ExclusionEntry | None:
        """See `Figures.withdraw`."""
        return await self._book.withdraw(number, who)

    async def nameplates(self, sites: Sites = None) -> list[NameplateEntry]:
        """See `Figures.nameplates`."""
        return [one for one in await self._book.nameplates() if sites is None or one.site in sites]

    async def name(
        self, site: str, charger: str, from_ms: int, plate: tuple[str, str, int], who: str
    ) -> NameplateEntry:
        """See `Figures.name`."""
        model, firmware, rated_w = plate
        return await self._book.add_nameplate(
            site=site, charger=charger, from_ms=from_ms, model=model, firmware=firmware, rated_w=rated_w, made_by=who
        )

    async def _month(self, month: str) -> _Month:
        """Give a month's ports, made again when something changed."""
        first, after = month_days(month, time.time_ns() // 1_000_000 // DAY_MS)
        period = (first * DAY_MS, after * DAY_MS)
        async with self._making:
            version = await self._book.version()
            made = self._months.get(month)
            if made is None or made.version != version or made.period != period:
                made = await self._make(version, period)
                self._months.pop(month, None)
                self._months[month] = made
                if len(self._months) > _MONTHS_KEPT:
                    self._months.pop(next(iter(self._months)))
        return made

    async def _make(self, version: tuple[int, ...], period: Span) -> _Month:
        first, after = period[0] // DAY_MS, period[1] // DAY_MS
        year_first = year_before(first, after)
        exclusions = [one for one in await self._book.exclusions() if one.withdrawn_ms is None]
        texts = await self._book.facts(first - REPEAT_DAYS, after - 1)
        sums = await self._book.sums(year_first, after - 1)
        touched = {
            day
            for one in exclusions
            for day in touched_days(((one.from_ms, one.to_ms),))
            if year_first <= day < first - REPEAT_DAYS
        }
        for day in sorted(touched):
            texts += await self._book.facts(day, day)
        plates = await self._book.nameplates()
        return await asyncio.to_thread(_ports, version, period, year_first, _Material(texts, sums, exclusions, plates))


@dataclass(frozen=True, slots=True)
class _Material:
    """What a month is made from."""

    texts: list[tuple[PortKey, int, bytes]]
    sums: dict[PortKey, DaySum]
    exclusions: list[ExclusionEntry]
    plates: list[NameplateEntry]


def _ports(version: tuple[int, ...], period: Span, year_first: int, material: _Material) -> _Month:
    days: dict[PortKey, dict[int, DayFacts]] = {}
    for key, day, text in material.texts:
        days.setdefault(key, {})[day] = read_facts(text)
    after = period[1] // DAY_MS
    out = []
    for key, total in sorted(material.sums.items()):
        own = sorted(days.get(key, {}).items())
        excluded = _excluded(material.exclusions, key)
        in_service = (min(period[1], max(period[0], total.first_day * DAY_MS)), period[1])
        near = [one for one in own if one[0] >= period[0] // DAY_MS - REPEAT_DAYS]
        month = port_month(in_service, near, excluded)
        plate = plate_at(material.plates, key[0], key[1], period[1])
        in_year = after - total.first_day
        missing_ms = (in_year - total.days) * DAY_MS
        year = Uptime(in_year * DAY_MS, total.down_ms, total.offline_ms, total.unknown_ms + missing_ms)
        touched = touched_days(excluded)
        year += excluded_parts([one for one in own if one[0] in touched and one[0] >= year_first], excluded)
        whole = total.first_day <= year_first
        out.append(_Port(key, month, year, whole, plate.model if plate else "", plate.firmware if plate else ""))
    return _Month(version, period, out)


def _excluded(exclusions: Iterable[ExclusionEntry], key: PortKey) -> Spans:
    return normal((one.from_ms, one.to_ms) for one in exclusions if _concerns(one, key))


def _concerns(one: ExclusionEntry, key: PortKey) -> bool:
    return one.site == key[0] and one.charger in {"", key[1]} and one.port in {0, key[2]}


def _touches(one: ExclusionEntry, key: PortKey, period: Span) -> bool:
    return _concerns(one, key) and one.from_ms < period[1] and one.to_ms > period[0]


def _lines(ports: Iterable[_Port], by: Grouping) -> list[KpiLine]:
    groups: dict[tuple[str, str, int | None, str, str], list[_Port]] = {}
    for one in ports:
        site, charger, number = one.key
        where: tuple[str, str, int | None, str, str] = {
            Grouping.PORT: (site, charger, number, one.model, one.firmware),
            Grouping.CHARGER: (site, charger, None, one.model, one.firmware),
            Grouping.SITE: (site, "", None, "", ""),
            Grouping.MODEL: ("", "", None, one.model, ""),
            Grouping.FIRMWARE: ("", "", None, one.model, one.firmware),
        }[by]
        groups.setdefault(where, []).append(one)
    return [_line(where, own, by) for where, own in sorted(groups.items(), key=lambda item: str(item[0]))]


def _line(where: tuple[str, str, int | None, str, str], ports: list[_Port], by: Grouping) -> KpiLine:
    site, charger, number, model, firmware = where
    name = {
        Grouping.PORT: f"{site} / {charger} / {number}",
        Grouping.CHARGER: f"{site} / {charger}",
        Grouping.SITE: site,
        Grouping.MODEL: model,
        Grouping.FIRMWARE: f"{model} {firmware}".strip(),
    }[by]
    years = [year_percent([one.year], whole=one.whole_year) for one in ports]
    least = [year[0] for year in years if year[0] is not None]
    most = [year[1] for year in years if year[1] is not None]
    year = (sum(least) / len(least) if least else None, sum(most) / len(most) if most else None)
    figures = sum((one.month for one in ports), PortMonth())
    return line(name or "not entered", where, figures, year, worst(one.year.verdict for one in ports))


def _stretches(times: Times, period: Span, exclusions: list[ExclusionEntry]) -> list[Stretch]:
    faults = normal((one.from_ms, one.to_ms) for one in times.outages if one.fault)
    found: list[Stretch] = []
    for kind, spans in (("down", times.down), ("offline", times.offline), ("unknown", times.unknown)):
        for begin, end in intersection(spans, (period,)):
            reasons = sorted({one.reason for one in exclusions if one.from_ms < end and one.to_ms > begin})
            faulted = kind == "down" and bool(intersection(((begin, end),), faults))
            found.append(Stretch(begin, end, "faulted" if faulted else kind, reasons))
    return sorted(found, key=lambda one: (one.from_ms, one.to_ms))
