"""This file defines the API's paths; it guards that the store is only asked bounded questions."""

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import Response
from pydantic import Field

from isolane.center.api.csv_series import to_csv
from isolane.center.api.description import PUBLIC, methods_of
from isolane.center.api.live import EventStream, LiveStreams
from isolane.center.api.live_fleet import View
from isolane.center.api.texts import TEXT, ChargerPath, SitePath, SiteQuery
from isolane.center.store.people_views import caller, seen
from isolane.center.store.port import Catalogue, Telemetry
from isolane.center.store.views import (
    ChargerSummary,
    LedgerLine,
    QuarantineEntry,
    Series,
    SeriesQuery,
    SignalNow,
    SiteEntry,
)
from isolane.center.store.worst_first import ROWS_MAX

PREFIX = "/api/v1"
SIGNALS_MAX = 50
POINTS_MAX = 5000
_INSTANT_MS_MAX = 253_402_300_800_000

_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"description": "There is no such charger"}}
_TOO_MANY: dict[int | str, dict[str, Any]] = {429: {"description": "You hold as many live streams as one may"}}
Instant = Annotated[int, Query(ge=0, le=_INSTANT_MS_MAX)]


class SeriesFormat(StrEnum):
    """How a series is written."""

    JSON = "json"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Health:
    """That the center answers."""

    status: str


def api_router(catalogue: Catalogue, telemetry: Telemetry, live: LiveStreams) -> APIRouter:
    """Make the routes of ``/api/v1``."""
    router = APIRouter(prefix=PREFIX)
    _add_facts(router, catalogue, telemetry)
    _add_series(router, telemetry)
    _add_live(router, telemetry, live)

    @router.get("/{path:path}", include_in_schema=False)
    async def nothing(path: str, request: Request) -> Response:
        if methods_of(request.app, request.scope["path"]):
            raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED)
        raise HTTPException(HTTPStatus.NOT_FOUND, f"{PREFIX}/{path} does not exist")

    return router


def _add_facts(router: APIRouter, catalogue: Catalogue, telemetry: Telemetry) -> None:
    @router.get("/sites", response_model=list[SiteEntry], summary="Sites with their gateways")
    async def sites() -> Response:
        return _json(seen(await catalogue.sites()))

    @router.get("/chargers", response_model=list[ChargerSummary], summary="Chargers at a glance, worst first")
    async def chargers(site: SiteQuery = None) -> Response:
        return _json(seen(await telemetry.fleet(site)))

    @router.get(
        "/chargers/{site}/{charger}/signals",
        response_model=list[SignalNow],
        responses=_NOT_FOUND,
        summary="Every signal of a charger with its last sample",
    )
    async def signals(site: SitePath, charger: ChargerPath) -> Response:
        return _json(await _known(telemetry, site, charger))

    @router.get("/ledger", response_model=list[LedgerLine], summary="The books of each gateway, judged")
    async def ledger(site: SiteQuery = None) -> Response:
        return _json(seen(await catalogue.ledger(site)))

    @router.get("/quarantine", response_model=list[QuarantineEntry], summary="What could not be read, newest first")
    async def quarantine(limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Response:
        return _json(seen(await catalogue.quarantine(limit)))

    @router.get("/healthz", response_model=Health, openapi_extra=dict(PUBLIC), summary="Whether the center answers")
    async def healthz() -> Response:
        return _json(Health("ok"))


def _add_series(router: APIRouter, telemetry: Telemetry) -> None:
    @router.get(
        "/series",
        response_model=Series,
        responses={**_NOT_FOUND, 200: {"content": {"text/csv": {}}, "description": "The series"}},
        summary="Minimum, mean and maximum per step of some signals",
    )
    async def series(
        *,
        site: Annotated[str, Query(max_length=64, pattern=TEXT)],
        charger: Annotated[str, Query(max_length=80, pattern=TEXT, description="Charger identity, or gateway:<name>")],
        signal: Annotated[
            list[Annotated[str, Field(max_length=256, pattern=TEXT)]],
            Query(min_length=1, max_length=SIGNALS_MAX, description="Key; may be repeated"),
        ],
        from_ms: Instant,
        to_ms: Instant,
        points: Annotated[int, Query(ge=2, le=POINTS_MAX, description="Points per signal at most")] = 600,
        format: SeriesFormat = SeriesFormat.JSON,  # noqa: A002 - the parameter's name on the wire
    ) -> Response:
        if to_ms <= from_ms:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "to_ms must be greater than from_ms")
        await _known(telemetry, site, charger)
        query = SeriesQuery(site, charger, tuple(dict.fromkeys(signal)), from_ms, to_ms, points)
        answer = await telemetry.series(query)
        if format is SeriesFormat.CSV:
            headers = {"Content-Disposition": 'attachment; filename="series.csv"'}
            return Response(to_csv(answer), headers=headers, media_type="text/csv")
        return _json(answer)


def _add_live(router: APIRouter, telemetry: Telemetry, live: LiveStreams) -> None:
    @router.get(
        "/live/{site}/{charger}",
        response_class=EventStream,
        responses=_NOT_FOUND | _TOO_MANY,
        summary="Rows of a charger as they are committed",
    )
    async def live_charger(site: SitePath, charger: ChargerPath) -> Response:
        await _known(telemetry, site, charger)
        return live.answer(live.charger(site, charger))

    @router.get(
        "/live",
        response_class=EventStream,
        responses=_TOO_MANY,
        summary="Chargers at a glance: all that are asked for, then, once a second, what has changed",
    )
    async def live_fleet(
        site: SiteQuery = None,
        q: Annotated[str, Query(max_length=200, pattern=TEXT, description="Filter, as on the fleet page")] = "",
        page: Annotated[
            int | None, Query(ge=1, le=1_000_000, description=f"Only this page of {ROWS_MAX}, worst first")
        ] = None,
    ) -> Response:
        sites = caller().sites if site is None else frozenset({site})
        return live.answer(live.fleet(View(sites, q.strip(), page)))


async def _known(telemetry: Telemetry, site: str, charger: str) -> list[SignalNow]:
    """Give a charger's signals, or end the request if there is no such charger."""
    signals = await telemetry.signals(site, charger)
    if not signals:
        raise HTTPException(HTTPStatus.NOT_FOUND, "there is no such charger")
    return signals


def _json(content: object) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")
