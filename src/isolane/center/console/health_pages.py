"""This file answers for the pages of health; it guards that each number leads to the features that it rests on."""

from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Query, Response

from isolane.center.console.alarms import LEVELS
from isolane.center.console.labels import component, measure
from isolane.center.console.markup import render
from isolane.center.console.pages import PageRoute, missing_page
from isolane.center.console.part_rows import LEARNING, amount, row, rows, standing
from isolane.center.store.fleet_port import FleetHealth, WorstQuery
from isolane.center.store.health_port import Health
from isolane.center.store.health_views import FeaturePoint, PartChange, PartHealth
from isolane.center.store.people_views import caller
from isolane.center.store.port import Telemetry

CHANGES_MAX: Final = 50
FEATURES_SHOWN: Final = 200
"""Rows of the table beneath the plot, the newest; the plot has all."""
_Filter = Annotated[str, Query(max_length=100)]
_Number = Annotated[int, Query(ge=0, le=2**53)]


def health_pages(health: Health, telemetry: Telemetry, fleet: FleetHealth) -> APIRouter:
    """Give the routes of these pages; include them before the console's own, which ends every other path."""
    router = APIRouter(include_in_schema=False, route_class=PageRoute)

    @router.get("/chargers/{site}/{device}/health")
    async def charger_page(site: str, device: str, part: _Number = 0) -> Response:
        parts = await health.parts([site], device)
        if not parts and not any(one.charger == device for one in await telemetry.fleet(site)):
            return missing_page("There is no charger of that name at this site.")
        chosen = next((one for one in parts if one.number == part), parts[0] if parts and not part else None)
        if parts and chosen is None:
            return missing_page("There is no such part of this charger.")
        changes = await health.changes(site, device, CHANGES_MAX)
        points = await health.features(chosen.number) if chosen is not None else []
        return render(
            "health.html", nav="health", site=site, device=device, rows=rows(parts), standing=standing(parts),
            chosen=row(chosen) if chosen is not None else None, points=points[-FEATURES_SHOWN:], count=len(points),
            model=plot_model(chosen, points, changes) if chosen is not None else "{}", learning=LEARNING,
            changes=[(one, component(one.note.part.component), measure(one.note.part.measure)) for one in changes],
            levels=LEVELS, amount=amount,
        )  # fmt: skip

    @router.get("/fragments/health/{site}/{device}")
    async def charger_card(site: str, device: str) -> Response:
        parts = await health.parts([site], device)
        return render(
            "health_card.html", site=site, device=device, standing=standing(parts), count=len(parts), learning=LEARNING
        )

    @router.get("/health")
    async def worst_page(site: _Filter = "", model: _Filter = "", component: _Filter = "") -> Response:
        everything = await fleet.worst(WorstQuery(caller().sites))
        found = await fleet.worst(WorstQuery(caller().sites, site, model, component))
        choices = (
            ("site", "Site", site, sorted({one.part.site for one in everything})),
            ("model", "Model", model, sorted({one.model for one in everything if one.model})),
            ("component", "Component", component, sorted({one.part.component for one in everything})),
        )
        return render(
            "health_worst.html", nav="health", found=[(row(one.part), one) for one in found], choices=choices,
            count=len(everything), query={"site": site, "model": model, "component": component},
        )  # fmt: skip

    @router.get("/health/fleet")
    async def fleet_page() -> Response:
        report = await fleet.report(caller().sites)
        return render(
            "health_fleet.html", nav="health", report=report, amount=amount, component=component, measure=measure
        )

    return router


def plot_model(part: PartHealth, points: list[FeaturePoint], changes: list[PartChange]) -> str:
    """Give the JSON that static/js/health.js reads from the page."""
    score = part.score
    return msgspec.json.encode(
        {
            "unit": score.unit if score is not None else part.change.unit if part.change is not None else "",
            "t": [point.at_ms // 1000 for point in points],
            "value": [point.value for point in points],
            "sd": [point.sd for point in points],
            "theta_0": score.theta_0 if score is not None else None,
            "theta_end": score.theta_end if score is not None else None,
            "changes": [(one.at_ms // 1000, one.level) for one in changes if one.part == part.number],
        }
    ).decode()
