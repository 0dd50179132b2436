"""This file keeps what figures are made of in the catalogue; it guards that a day computed is not lost, nor one late.

A site's day is due when it is over and was never computed, or when samples of it came since. Who brings samples marks
the day before they are committed, and not again for `MARK_EVERY_MS`; so a day is due until its figures are that much
younger than its mark.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from isolane.center.store.audit_lines import line_about
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.day_port import DayLength
from isolane.center.store.kpi_tables import KpiDayRow, KpiExclusionRow, KpiNameplateRow, KpiSiteDayRow
from isolane.center.store.kpi_views import ExclusionEntry, NameplateEntry

MARK_EVERY_MS: Final = 60_000

PortKey = tuple[str, str, int]
"""Site, charger, number of the port."""
SiteDay = tuple[str, int]


@dataclass(frozen=True, slots=True)
class DayEntry:
    """A stored day of one port: texts of ``center.kpis`` beside lengths in ms that can be added up."""

    port: PortKey
    day: int
    down_ms: int
    offline_ms: int
    unknown_ms: int
    runs: bytes
    facts: bytes


@dataclass(frozen=True, slots=True)
class DaySum:
    """Days of one port added up, from its first stored day within the period on."""

    days: int
    first_day: int
    down_ms: int
    offline_ms: int
    unknown_ms: int


class KpiBook:
    """The figures' tables.

    Args:
        catalogue: Whose database holds them.
    """

    def __init__(self, catalogue: SqlCatalogue) -> None:
        self._catalogue = catalogue

    # Days

    async def mark(self, days: Iterable[SiteDay], now_ms: int) -> None:
        """Say that samples of past days come now."""
        wanted = sorted(set(days))

        def change(session: Session) -> None:
            for site, day in wanted:
                row = session.get(KpiSiteDayRow, (site, day))
                if row is None:
                    session.add(KpiSiteDayRow(site=site, day=day, touched_ms=now_ms, computed_ms=0))
                else:
                    row.touched_ms = max(row.touched_ms, now_ms)

        await self._catalogue.write(change)

    async def due(self, first_days: dict[str, int], today: int) -> list[SiteDay]:
        """Give the days to be computed, oldest first: of each site from its first day to yesterday."""
        rows = await self._catalogue.read(
            lambda session: session.execute(
                select(KpiSiteDayRow.site, KpiSiteDayRow.day, KpiSiteDayRow.touched_ms, KpiSiteDayRow.computed_ms)
            ).all()
        )
        done = {(site, day) for site, day, touched, computed in rows if computed and touched + MARK_EVERY_MS < computed}
        wanted = {(site, day) for site, first in first_days.items() for day in range(first, today)}
        return sorted(wanted - done, key=lambda one: (one[1], one[0]))

    async def put(self, site: str, day: int, entries: Sequence[DayEntry], computed_ms: int) -> None:
        """Store a site's day in one transaction: it is computed as of a time. What was stored of it before goes.

        Args:
            site: Site name.
            day: The day; entries of days beside it are replaced one by one.
            entries: What was computed.
            computed_ms: When computing began.
        """

        def change(session: Session) -> None:
            session.execute(delete(KpiDayRow).where(KpiDayRow.site == site, KpiDayRow.day == day))
            for one in entries:
                session.merge(
                    KpiDayRow(
                        site=one.port[0],
                        charger=one.port[1],
                        port=one.port[2],
                        day=one.day,
                        down_ms=one.down_ms,
                        offline_ms=one.offline_ms,
                        unknown_ms=one.unknown_ms,
                        runs=one.runs,
                        facts=one.facts,
                    )
                )
            row = session.get(KpiSiteDayRow, (site, day))
            if row is None:
                session.add(KpiSiteDayRow(site=site, day=day, touched_ms=0, computed_ms=computed_ms))
            else:
                row.computed_ms = computed_ms

        await self._catalogue.write(change)

    async def days(
        self, first: int, last: int, *, site: str | None = None, charger: str | None = None
    ) -> list[DayEntry]:
        """Give stored days, both ends included, by port and day."""
        query = select(KpiDayRow).where(*_within(first, last, site, charger))

        def ask(session: Session) -> list[DayEntry]:
            return [
                DayEntry((r.site, r.charger, r.port), r.day, r.down_ms, r.offline_ms, r.unknown_ms, r.runs, r.facts)
                for r in session.scalars(query)
            ]

        return sorted(await self._catalogue.read(ask), key=lambda one: (one.port, one.day))

    async def facts(self, first: int, last: int, *, site: str | None = None) -> list[tuple[PortKey, int, bytes]]:
        """Give the facts alone, as `days` does: most of what is stored are runs, and no report needs them."""
        row = KpiDayRow
        query = select(row.site, row.charger, row.port, row.day, row.facts).where(*_within(first, last, site, None))

        def ask(session: Session) -> list[tuple[PortKey, int, bytes]]:
            return [((r[0], r[1], int(r[2])), int(r[3]), r[4]) for r in session.execute(query)]

        return sorted(await self._catalogue.read(ask))

    async def lengths(self, first: int, last: int) -> list[DayLength]:
        """See `DayLengths.lengths`."""
        row = KpiDayRow
        columns = (row.site, row.charger, row.port, row.day, row.down_ms, row.offline_ms, row.unknown_ms)
        query = select(*columns).where(*_within(first, last, None, None))
        rows = await self._catalogue.read(lambda session: session.execute(query).all())
        found = [DayLength(r[0], r[1], *(int(number) for number in r[2:])) for r in rows]
        return sorted(found, key=lambda one: (one.site, one.charger, one.port, one.day))

    async def sums(self, first: int, last: int) -> dict[PortKey, DaySum]:
        """Add up stored days of every port, both ends included."""
        row = KpiDayRow
        lengths = [func.sum(column) for column in (row.down_ms, row.offline_ms, row.unknown_ms)]
        query = (
            select(row.site, row.charger, row.port, func.count(), func.min(row.day), *lengths)
            .where(row.day >= first, row.day <= last)
            .group_by(row.site, row.charger, row.port)
        )
        rows = await self._catalogue.read(lambda session: session.execute(query).all())
        return {(r[0], r[1], int(r[2])): DaySum(*(int(number) for number in r[3:])) for r in rows}

    async def version(self) -> tuple[int, ...]:
        """Give numbers that change with whatever a report depends on."""
        exclusion, plate = KpiExclusionRow, KpiNameplateRow
        columns = (
            func.max(KpiSiteDayRow.computed_ms), func.max(exclusion.number), func.max(exclusion.withdrawn_ms),
            func.count(exclusion.withdrawn_ms), func.max(plate.number),
        )  # fmt: skip

        def ask(session: Session) -> tuple[int, ...]:
            return tuple(int(session.scalar(select(column)) or 0) for column in columns)

        return await self._catalogue.read(ask)

    # What people enter

    async def exclusions(self) -> list[ExclusionEntry]:
        """Give every exclusion, newest first, withdrawn ones too."""
        query = select(KpiExclusionRow).order_by(KpiExclusionRow.number.desc())
        return await self._catalogue.read(lambda session: [_exclusion(row) for row in session.scalars(query)])

    async def add_exclusion(self, **columns: Any) -> ExclusionEntry:  # noqa: ANN401 - the table's own columns
        """Enter an exclusion, with its line in the audit; gives it with its number."""
        now_ms = _now_ms()
        add_line = line_about(columns["made_by"], now_ms)

        def change(session: Session) -> ExclusionEntry:
            row = KpiExclusionRow(**columns, made_ms=now_ms, withdrawn_by=None, withdrawn_ms=None)
            session.add(row)
            session.flush()
            where = _place(row.site, row.charger, row.port)
            add_line(session, "exclusion-entered", f"{row.number} {where} {row.reason}")
            return _exclusion(row)

        return await self._catalogue.write(change)

    async def withdraw(self, number: int, who: str) -> ExclusionEntry | None:
        """Let an exclusion count no more, with its line in the audit; None when there is nothing to withdraw."""
        now_ms = _now_ms()
        add_line = line_about(who, now_ms)

        def change(session: Session) -> ExclusionEntry | None:
            row = session.get(KpiExclusionRow, number)
            if row is None or row.withdrawn_ms is not None:
                return None
            row.withdrawn_by, row.withdrawn_ms = who, now_ms
            add_line(session, "exclusion-withdrawn", f"{number} {_place(row.site, row.charger, row.port)}")
            return _exclusion(row)

        return await self._catalogue.write(change)

    async def nameplates(self) -> list[NameplateEntry]:
        """Give what chargers are, newest entry first."""
        query = select(KpiNameplateRow).order_by(KpiNameplateRow.number.desc())
        return await self._catalogue.read(lambda session: [_nameplate(row) for row in session.scalars(query)])

    async def add_nameplate(self, **columns: Any) -> NameplateEntry:  # noqa: ANN401 - the table's own columns
        """Enter what a charger is, with its line in the audit.

        What it can give decides a figure: the site's days from then on are due again.
        """
        now_ms = _now_ms()
        add_line = line_about(columns["made_by"], now_ms)

        def change(session: Session) -> NameplateEntry:
            row = KpiNameplateRow(**columns, made_ms=now_ms)
            session.add(row)
            what = f"{_place(row.site, row.charger)} {row.model} {row.firmware}"
            add_line(session, "nameplate-entered", what.strip())
            first = row.from_ms // 86_400_000
            days = select(KpiSiteDayRow).where(KpiSiteDayRow.site == row.site, KpiSiteDayRow.day >= first)
            for day in session.scalars(days):
                day.computed_ms = 0
            session.flush()
            return _nameplate(row)

        return await self._catalogue.write(change)


def _within(first: int, last: int, site: str | None, charger: str | None) -> list[ColumnElement[bool]]:
    row = KpiDayRow
    wanted = [row.day >= first, row.day <= last]
    if site is not None:
        wanted.append(row.site == site)
    if charger is not None:
        wanted.append(row.charger == charger)
    return wanted


def _place(site: str, charger: str, port: int = 0) -> str:
    """Name a place for the audit: what is empty stands for all and is left out."""
    return "/".join(part for part in (site, charger, str(port or "")) if part)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _exclusion(row: KpiExclusionRow) -> ExclusionEntry:
    return ExclusionEntry(**{name: getattr(row, name) for name in ExclusionEntry.__dataclass_fields__})


def _nameplate(row: KpiNameplateRow) -> NameplateEntry:
    return NameplateEntry(**{name: getattr(row, name) for name in NameplateEntry.__dataclass_fields__})
