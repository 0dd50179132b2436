"""This file files what gateways say of health, and reads it; it guards that what is older never covers what is newer.

Papers are filed in the order in which they came, some hundred in one transaction; what is written twice is the same.
A body that cannot be read is filed as nothing, and counted: its gateway was told that it is here, and it never comes
again.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from sqlalchemy import ColumnElement, Select, delete, func, select
from sqlalchemy.orm import Session

from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.health_tables import HealthChangeRow, HealthFeatureRow, HealthPartRow
from isolane.center.store.health_views import (
    ChangePage,
    ChangeQuery,
    FeaturePoint,
    PartChange,
    PartHealth,
    PartLife,
    PartPage,
    PartQuery,
)
from isolane.center.store.paper_tables import PaperRow
from isolane.center.store.papers import file_away, to_file
from isolane.center.store.port import UnavailableError
from isolane.center.store.tables import kept_text
from isolane.wire.health_paper import (
    HEALTH,
    LEVEL,
    FeatureNote,
    LevelNote,
    Part,
    ScoreNote,
    decode_health,
    decode_level,
)

_LOG = logging.getLogger(__name__)
PAUSE_S: Final = 1.0
FEATURES_MAX: Final = 2000
"""Of one part; with twelve sessions a day half a year."""
FAILED_LEVEL: Final = 3
"""From which level on a part has failed, for curves of life."""
_AT_ONCE = 200
_MS = 1000


class HealthBook:
    """Parts, their features and their changes.

    Args:
        catalogue: Whose database holds them.
    """

    def __init__(self, catalogue: SqlCatalogue) -> None:
        self._catalogue = catalogue
        self.filed = 0
        self.unreadable = 0

    async def run(self) -> None:
        """File for ever; cancelled to stop."""
        while True:
            try:
                count = await self.file()
            except UnavailableError as error:
                _LOG.warning("health-not-filed error=%s", error)
                count = 0
            if count < _AT_ONCE:
                await asyncio.sleep(PAUSE_S)

    async def file(self) -> int:
        """File what waits, at most some hundred papers; give how many.

        Raises:
            UnavailableError: The database is away; nothing has changed.
        """
        count, unreadable = await self._catalogue.write(_file)
        self.filed += count
        self.unreadable += unreadable
        return count

    async def parts(self, sites: Sequence[str] | None = None, charger: str | None = None) -> list[PartHealth]:
        """Give parts, the worst first.

        Args:
            sites: Only of these; None for all.
            charger: Only of this one.
        """
        query = select(HealthPartRow)
        if sites is not None:
            query = query.where(HealthPartRow.site.in_(sites))
        if charger is not None:
            query = query.where(HealthPartRow.charger == charger)
        return await self._parts(query)

    async def standing(self, level_min: int) -> list[PartHealth]:
        """Give the parts with this level or a higher one, the worst first."""
        return await self._parts(select(HealthPartRow).where(HealthPartRow.level >= level_min))

    async def part(self, number: int) -> PartHealth | None:
        """Give one part."""
        found = await self._parts(select(HealthPartRow).where(HealthPartRow.number == number))
        return found[0] if found else None

    async def features(self, part: int, limit: int = FEATURES_MAX) -> list[FeaturePoint]:
        """Give a part's features, oldest first, the newest `limit` of them."""
        query = select(HealthFeatureRow).where(HealthFeatureRow.part == part)
        query = query.order_by(HealthFeatureRow.at_ms.desc()).limit(limit)
        rows = await self._catalogue.read(lambda session: list(session.scalars(query)))
        return [
            FeaturePoint(row.at_ms, row.value, row.sd, row.n, msgspec.json.decode(row.evidence) if row.evidence else {})
            for row in reversed(rows)
        ]

    async def scored(self, site: str, charger: str) -> frozenset[str]:
        """Name the components of a charger that have a score of their own, each as ``<place>/<component>``."""
        query = select(HealthPartRow.place, HealthPartRow.component).distinct()
        query = query.where(HealthPartRow.site == site, HealthPartRow.charger == charger, HealthPartRow.score != b"")
        found = await self._catalogue.read(lambda session: session.execute(query).all())
        return frozenset(f"{place}/{component}" for place, component in found)

    async def values(self, limit: int) -> list[tuple[tuple[str, ...], float]]:
        """Give states of health by site, charger, place, component and measure; at most so many, the oldest parts."""
        named = (HealthPartRow.site, HealthPartRow.charger, HealthPartRow.place, HealthPartRow.component)
        query = select(*named, HealthPartRow.measure, HealthPartRow.value).where(HealthPartRow.value.is_not(None))
        query = query.order_by(HealthPartRow.number).limit(limit)
        rows = await self._catalogue.read(lambda session: session.execute(query).all())
        return list({tuple(labels): float(value or 0.0) for *labels, value in rows}.items())

    async def lives(self) -> list[PartLife]:
        """Give when each part was first told of, last told of, and first at L3 or above."""
        first = select(HealthFeatureRow.part, func.min(HealthFeatureRow.at_ms).label("at_ms"))
        first_seen = first.group_by(HealthFeatureRow.part).subquery()
        failed = select(HealthChangeRow.part, func.min(HealthChangeRow.at_ms).label("at_ms"))
        failed = failed.where(HealthChangeRow.level >= FAILED_LEVEL).group_by(HealthChangeRow.part)
        first_failed = failed.subquery()
        query = (
            select(HealthPartRow, first_seen.c.at_ms, first_failed.c.at_ms)
            .join(first_seen, first_seen.c.part == HealthPartRow.number)
            .outerjoin(first_failed, first_failed.c.part == HealthPartRow.number)
            .where(HealthPartRow.score != b"")
            .order_by(HealthPartRow.number)
        )
        rows = await self._catalogue.read(lambda session: session.execute(query).all())
        return [PartLife(_shown(row), first_ms, failed_ms) for row, first_ms, failed_ms in rows]

    async def page(self, query: PartQuery) -> PartPage:
        """Give parts that match, the newest number first."""
        chosen = select(HealthPartRow).where(*_of(query), HealthPartRow.level >= query.level_min)
        if query.before is not None:
            chosen = chosen.where(HealthPartRow.number < query.before)
        chosen = chosen.order_by(HealthPartRow.number.desc()).limit(query.limit + 1)
        rows = await self._catalogue.read(lambda session: list(session.scalars(chosen)))
        shown = [_shown(row) for row in rows[: query.limit]]
        return PartPage(shown, shown[-1].number if len(rows) > query.limit else None)

    async def change_page(self, query: ChangeQuery) -> ChangePage:
        """Give changes of level that match, newest first."""
        chosen = select(HealthChangeRow, HealthPartRow.site).join(
            HealthPartRow, HealthPartRow.number == HealthChangeRow.part
        )
        chosen = chosen.where(*_of(query), HealthChangeRow.level >= query.level_min)
        if query.before is not None:
            chosen = chosen.where(HealthChangeRow.number < query.before)
        chosen = chosen.order_by(HealthChangeRow.number.desc()).limit(query.limit + 1)
        rows = await self._catalogue.read(lambda session: session.execute(chosen).all())
        shown = [_changed(row, site) for row, site in rows[: query.limit]]
        return ChangePage(shown, shown[-1].number if len(rows) > query.limit else None)

    async def changes(self, site: str, charger: str, limit: int = 200) -> list[PartChange]:
        """Give a charger's changes of level, newest first."""
        query = (
            select(HealthChangeRow)
            .join(HealthPartRow, HealthPartRow.number == HealthChangeRow.part)
            .where(HealthPartRow.site == site, HealthPartRow.charger == charger)
            .order_by(HealthChangeRow.at_ms.desc(), HealthChangeRow.number.desc())
            .limit(limit)
        )
        rows = await self._catalogue.read(lambda session: list(session.scalars(query)))
        return [_changed(row, site) for row in rows]

    async def _parts(self, query: Select[HealthPartRow]) -> list[PartHealth]:
        order = (HealthPartRow.level.desc(), func.coalesce(HealthPartRow.value, 101.0), HealthPartRow.number)
        rows = await self._catalogue.read(lambda session: list(session.scalars(query.order_by(*order))))
        return [_shown(row) for row in rows]


def _of(wanted: PartQuery | ChangeQuery) -> list[ColumnElement[bool]]:
    """Say of which sites and charger something is wanted."""
    out: list[ColumnElement[bool]] = []
    if wanted.sites is not None:
        out.append(HealthPartRow.site.in_(sorted(wanted.sites)))
    if wanted.site is not None:
        out.append(HealthPartRow.site == wanted.site)
    if wanted.charger is not None:
        out.append(HealthPartRow.charger == wanted.charger)
    return out


def _changed(row: HealthChangeRow, site: str) -> PartChange:
    return PartChange(row.number, site, row.part, row.at_ms, row.before, row.level, decode_level(row.note))


def _shown(row: HealthPartRow) -> PartHealth:
    return PartHealth(
        row.number,
        row.site,
        row.gateway,
        row.charger,
        row.place,
        row.component,
        row.model,
        row.measure,
        row.level,
        row.value,
        row.at_ms,
        row.since_ms,
        msgspec.json.decode(row.score, type=ScoreNote) if row.score else None,
        decode_level(row.change) if row.change else None,
    )


def _file(session: Session) -> tuple[int, int]:
    papers, unreadable = to_file(session, (LEVEL, HEALTH), _AT_ONCE), 0
    for paper in papers:
        try:
            if paper.kind == LEVEL:
                _change(session, paper, decode_level(paper.body))
            else:
                note = decode_health(paper.body)
                for score in note.scores:
                    _score(session, paper, score)
                _features(session, paper, note.features)
        except ValueError as error:
            unreadable += 1
            _LOG.warning("health-paper-unreadable gateway=%s kind=%s error=%s", paper.gateway, paper.kind, error)
    file_away(session, papers)
    return len(papers), unreadable


def _part(session: Session, paper: PaperRow, part: Part) -> HealthPartRow:
    """Give a part's row, a new one if there is none."""
    names = {"charger": part.charger, "place": part.place, "model": part.model, "measure": part.measure}
    names = {name: kept_text(text) for name, text in names.items()}
    query = select(HealthPartRow).filter_by(gateway=paper.gateway, **names)
    row = session.scalars(query).one_or_none()
    if row is None:
        row = HealthPartRow(
            site=paper.site,
            gateway=paper.gateway,
            component=kept_text(part.component),
            level=-1,
            value=None,
            at_ms=0,
            since_ms=paper.at_ms,
            score=b"",
            change=b"",
            **names,
        )
        session.add(row)
        session.flush()
    return row


def _change(session: Session, paper: PaperRow, note: LevelNote) -> None:
    row = _part(session, paper, note.part)
    at_ms = note.at_s * _MS
    session.add(
        HealthChangeRow(
            part=row.number, at_ms=at_ms, before=note.before, level=note.level, note=msgspec.json.encode(note)
        )
    )
    if note.score is not None:
        _score(session, paper, note.score)
    if not row.change or at_ms >= decode_level(row.change).at_s * _MS:
        row.change = msgspec.json.encode(note)
        row.level, row.since_ms = note.level, at_ms
        row.at_ms = max(row.at_ms, at_ms)


def _score(session: Session, paper: PaperRow, score: ScoreNote) -> None:
    row = _part(session, paper, score.part)
    at_ms = score.at_s * _MS
    if row.score and at_ms < msgspec.json.decode(row.score, type=ScoreNote).at_s * _MS:
        return
    row.score, row.value = msgspec.json.encode(score), score.value
    if row.level != score.level:
        row.level, row.since_ms = score.level, at_ms
    row.at_ms = max(row.at_ms, at_ms)


def _features(session: Session, paper: PaperRow, features: Iterable[FeatureNote]) -> None:
    by_part: dict[Part, dict[int, FeatureNote]] = {}
    for feature in features:
        by_part.setdefault(feature.part, {})[feature.at_s * _MS] = feature
    for part, own in by_part.items():
        row = _part(session, paper, part)
        here = select(HealthFeatureRow.at_ms).where(
            HealthFeatureRow.part == row.number, HealthFeatureRow.at_ms.in_(list(own))
        )
        known = set(session.scalars(here))
        for at_ms, feature in own.items():
            if at_ms not in known:
                evidence = msgspec.json.encode(feature.evidence) if feature.evidence else b""
                session.add(
                    HealthFeatureRow(
                        part=row.number,
                        at_ms=at_ms,
                        value=feature.value,
                        sd=feature.sd,
                        n=min(feature.n, 2**31 - 1),
                        evidence=evidence,
                    )
                )
        session.flush()
        _forget(session, row.number)


def _forget(session: Session, part: int) -> None:
    """Forget a part's oldest features beyond the bound."""
    query = select(HealthFeatureRow.at_ms).where(HealthFeatureRow.part == part)
    border = session.scalars(query.order_by(HealthFeatureRow.at_ms.desc()).offset(FEATURES_MAX).limit(1)).first()
    if border is not None:
        session.execute(delete(HealthFeatureRow).where(HealthFeatureRow.part == part, HealthFeatureRow.at_ms <= border))
