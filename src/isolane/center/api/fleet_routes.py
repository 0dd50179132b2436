"""This file defines the API's path about the worst parts of a fleet; it guards that nobody gets a foreign site's."""

import csv
import io
from enum import StrEnum
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel

from isolane.center.api.health_bodies import PartBody
from isolane.center.api.kpi_csv import cell
from isolane.center.api.routes import PREFIX
from isolane.center.api.texts import TEXT
from isolane.center.store.fleet_port import FleetHealth, WorstPart, WorstQuery
from isolane.center.store.people_views import caller

COLUMNS: Final = (
    *("site", "charger", "model", "place", "component", "measure", "level", "value", "sd", "trust", "basis"),
    *("fail_30d", "repair_h", "saved_h", "action", "bring"),
)
_Filter = Annotated[str, Query(max_length=100, pattern=TEXT)]
_Site = Annotated[str | None, Query(max_length=64, pattern=TEXT, description="Only this site")]


class WorstFormat(StrEnum):
    """How the list is written."""

    JSON = "json"
    CSV = "csv"


class WorstBody(BaseModel):
    """A part at L1 or above. `saved_h` is `fail_30d` x `repair_h`, null where one of them is not known."""

    part: PartBody
    model: str
    fail_30d: float | None
    repair_h: float | None
    saved_h: float | None


def fleet_router(fleet: FleetHealth) -> APIRouter:
    """Make the route; include it before the API's own router, which ends every other path."""
    router = APIRouter(prefix=PREFIX)

    @router.get(
        "/health/worst",
        response_model=list[WorstBody],
        responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
        summary="Parts at L1 or above, the worst first, 500 at most",
    )
    async def worst(
        *,
        site: _Site = None,
        model: _Filter = "",
        component: _Filter = "",
        format: WorstFormat = WorstFormat.JSON,  # noqa: A002 - as the API calls it elsewhere
    ) -> Response:
        found = await fleet.worst(WorstQuery(caller().sites, site or "", model, component))
        if format is WorstFormat.CSV:
            headers = {"Content-Disposition": 'attachment; filename="isolane-worst-parts.csv"'}
            return Response(to_csv(found), media_type="text/csv; charset=utf-8", headers=headers)
        return Response(msgspec.json.encode(found), media_type="application/json")

    return router


def to_csv(parts: list[WorstPart]) -> str:
    """Write all lines; what nobody can know is empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for one in parts:
        part, score = one.part, one.part.score
        remedy = part.change.remedy if part.change is not None else score.remedy if score is not None else None
        row = (
            *(part.site, part.charger, one.model, part.place, part.component, part.measure, part.level, part.value),
            *((score.sd, score.trust, score.basis) if score is not None else (None, "", "")),
            *(one.fail_30d, one.repair_h, one.saved_h),
            *((remedy.text, remedy.part) if remedy is not None else ("", "")),
        )
        writer.writerow([cell(value) for value in row])
    return text.getvalue()
