"""This file defines the API's path of figures of response; it guards that a caller gets those of his own sites."""

import msgspec
from fastapi import APIRouter
from fastapi.responses import Response

from isolane.center.api.kpi_routes import PREFIX, Month, caller_sites
from isolane.center.api.texts import SiteQuery
from isolane.center.store.response_port import ResponseReport, Responses


def response_router(responses: Responses) -> APIRouter:
    """Make the route; include it before the API's own router, which ends every other path."""
    router = APIRouter(prefix=PREFIX, responses={503: {"description": "The store is away"}})

    @router.get(
        "/response",
        response_model=ResponseReport,
        summary="How fast faults of a month were seen, taken and mended, per site",
    )
    async def response(
        month: Month,
        site: SiteQuery = None,
    ) -> Response:
        sites = caller_sites()
        if site is not None:
            sites = frozenset({site}) if sites is None or site in sites else frozenset()
        report = await responses.response(month, sites)
        return Response(msgspec.json.encode(report), media_type="application/json")

    return router
