"""This file answers what is asked of whole fleets; it guards that a gain is said only of known factors."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from isolane.center.fleet.cohorts import cohorts
from isolane.center.fleet.spares import spares
from isolane.center.fleet.survival import lacking, survivals
from isolane.center.store.fleet_port import FleetReport, Sites, WorstPart, WorstQuery
from isolane.center.store.health_port import Health
from isolane.center.store.health_views import PartHealth, PartLife
from isolane.center.store.kpi_port import Figures
from isolane.center.store.kpi_views import Grouping, NameplateEntry

WORST_MAX: Final = 500
_MONTHS: Final = 3
_WATCH: Final = 1


class FleetDesk:
    """See `FleetHealth`.

    Args:
        health: Parts.
        figures: Nameplates and times to repair.
    """

    def __init__(self, health: Health, figures: Figures) -> None:
        self._health, self._figures = health, figures

    async def worst(self, query: WorstQuery) -> list[WorstPart]:
        """See `FleetHealth.worst`."""
        models = models_of(await self._figures.nameplates(query.sites))
        parts = [part for part in await self._health.standing(_WATCH) if _wanted(part, models, query)]
        repair_h = await self._repairs(query.sites) if parts else {}
        found = [worst_part(part, models.get((part.site, part.charger), ""), repair_h.get(part.site)) for part in parts]
        return worst_first(found)[:WORST_MAX]

    async def report(self, sites: Sites = None) -> FleetReport:
        """See `FleetHealth.report`."""
        lives = [life for life in await self._health.lives() if sites is None or life.part.site in sites]
        models = models_of(await self._figures.nameplates(sites))
        return await asyncio.to_thread(_report, lives, models)

    async def _repairs(self, sites: Sites) -> dict[str, float]:
        """Give the mean time to repair by site, h: of the newest month that has one."""
        out: dict[str, float] = {}
        for month in months_back(datetime.now(UTC), _MONTHS):
            for line in (await self._figures.report(month, Grouping.SITE, sites)).lines:
                if line.mttr_h is not None:
                    out.setdefault(line.site, line.mttr_h)
        return out


def models_of(plates: Sequence[NameplateEntry]) -> dict[tuple[str, str], str]:
    """Give the model by site and charger, the newest that has been entered."""
    ordered = sorted(plates, key=lambda one: (one.from_ms, one.number))
    return {(one.site, one.charger): one.model for one in ordered}


def months_back(now: datetime, count: int) -> list[str]:
    """Name this month and those before, newest first."""
    at = now.year * 12 + now.month - 1
    return [f"{(at - back) // 12}-{(at - back) % 12 + 1:02d}" for back in range(count)]


def worst_part(part: PartHealth, model: str, repair_h: float | None) -> WorstPart:
    """Say what a part is expected to cost: P(fail within 30 d) x mean time to repair at its site, h."""
    fail_30d = part.score.fail_30d if part.score is not None else None
    saved_h = None if fail_30d is None or repair_h is None else fail_30d * repair_h
    return WorstPart(part, model, fail_30d, repair_h, saved_h)


def worst_first(parts: Sequence[WorstPart]) -> list[WorstPart]:
    """Order by level, then by how likely it fails, then by its state of health; what is not known comes last."""

    def order(one: WorstPart) -> tuple[int, float, float, int]:
        value = one.part.value
        return (-one.part.level, -(one.fail_30d or 0.0), 101.0 if value is None else value, one.part.number)

    return sorted(parts, key=order)


def _wanted(part: PartHealth, models: dict[tuple[str, str], str], query: WorstQuery) -> bool:
    return (
        (query.sites is None or part.site in query.sites)
        and query.site in {"", part.site}
        and query.model in {"", models.get((part.site, part.charger), "")}
        and part.component.startswith(query.component)
    )


def _report(lives: list[PartLife], models: dict[tuple[str, str], str]) -> FleetReport:
    lacks = lacking()
    curves = [] if lacks else survivals(lives)
    return FleetReport(cohorts([life.part for life in lives], models), curves, spares(lives, curves), lacks)
