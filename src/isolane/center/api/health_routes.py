"""This file defines the API's paths about parts; it guards that nobody is told of a part of a foreign site."""

from http import HTTPStatus
from typing import Annotated

import msgspec
from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import Response

from isolane.center.api.health_bodies import ChangePageBody, EvidenceBody, PartPageBody
from isolane.center.api.routes import PREFIX
from isolane.center.api.texts import NUMBER_MAX, TEXT, NumberPath, SiteQuery
from isolane.center.store.health_port import Health
from isolane.center.store.health_views import ChangeQuery, FeaturePoint, PartHealth, PartQuery
from isolane.center.store.people_views import caller

_Charger = Annotated[str | None, Query(description="Only this charger", max_length=100, pattern=TEXT)]
_Level = Annotated[int, Query(ge=-1, le=4, description="This level or above; -1 is none")]
_Before = Annotated[int | None, Query(ge=1, le=NUMBER_MAX, description="`before` of the last page")]
_Limit = Annotated[int, Query(ge=1, le=200)]


class _Evidence(msgspec.Struct, frozen=True):
    part: PartHealth
    features: list[FeaturePoint]


def health_router(health: Health) -> APIRouter:
    """Make the routes; include it before the API's own router, which ends every other path."""
    router = APIRouter(prefix=PREFIX)

    @router.get("/health/parts", response_model=PartPageBody, summary="Parts with their scores, newest first")
    async def parts(
        site: SiteQuery = None,
        charger: _Charger = None,
        level_min: _Level = -1,
        before: _Before = None,
        limit: _Limit = 50,
    ) -> Response:
        return _json(await health.page(PartQuery(caller().sites, site, charger, level_min, before, limit)))

    @router.get(
        "/health/parts/{number}",
        response_model=EvidenceBody,
        responses={404: {"description": HTTPStatus.NOT_FOUND.phrase}},
        summary="One with its features",
    )
    async def part(number: NumberPath) -> Response:
        found = await health.part(number)
        if found is None or not caller().sees(found.site):
            raise HTTPException(HTTPStatus.NOT_FOUND, f"there is no part {number}")
        return _json(_Evidence(found, await health.features(number)))

    @router.get("/health/changes", response_model=ChangePageBody, summary="Changes of level, newest first")
    async def changes(
        site: SiteQuery = None,
        charger: _Charger = None,
        level_min: _Level = -1,
        before: _Before = None,
        limit: _Limit = 50,
    ) -> Response:
        return _json(await health.change_page(ChangeQuery(caller().sites, site, charger, level_min, before, limit)))

    return router


def _json(content: object) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")
