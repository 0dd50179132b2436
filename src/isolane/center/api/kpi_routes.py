"""This file defines the API's paths of figures; it guards that whatever a person enters carries his name.

`caller_name` is where the name comes from: from the caller that the gate before the application has found out, who is
"local" at a center without people. A request that has passed no gate is not answered.
"""

from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from isolane.center.api.kpi_csv import to_csv
from isolane.center.api.problems import problem
from isolane.center.api.texts import TEXT, WHOLE, NumberPath, SiteQuery
from isolane.center.store.kpi_port import Figures, Sites
from isolane.center.store.kpi_views import (
    ExclusionEntry,
    ExclusionReason,
    Grouping,
    KpiEvidence,
    KpiReport,
    NameplateEntry,
)
from isolane.center.store.people_views import caller
from isolane.center.store.port import UnavailableError

PREFIX = "/api/v1/kpis"
_INSTANT_MS_MAX = 253_402_300_800_000
_RATED_W_MAX = 100_000_000
_PORT_MAX = 1000

Month = Annotated[str, Query(pattern=r"^2\d{3}-(0[1-9]|1[0-2])$", description="UTC month, as 2026-10")]
_AWAY: dict[int | str, dict[str, Any]] = {503: {"description": "The store is away"}}
_NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"description": "There is none"}}


class ReportFormat(StrEnum):
    """How a report is written."""

    JSON = "json"
    CSV = "csv"


class _Entered(BaseModel):
    """What a person enters."""

    model_config = ConfigDict(extra="forbid", strict=True, str_strip_whitespace=True)


class NewExclusion(_Entered):
    """A time that uptime does not count."""

    site: str = Field(min_length=1, max_length=64, pattern=TEXT)
    charger: str = Field("", max_length=48, pattern=TEXT, description="Identity; empty for every charger of the site")
    port: Annotated[int, Field(ge=0, le=_PORT_MAX, description="Number; 0 for every port"), WHOLE] = 0
    from_ms: Annotated[int, Field(ge=0, le=_INSTANT_MS_MAX), WHOLE]
    to_ms: Annotated[
        int, Field(ge=0, le=_INSTANT_MS_MAX, description="First instant after, greater than from_ms"), WHOLE
    ]
    reason: ExclusionReason = Field(strict=False)
    evidence: str = Field(
        min_length=1, max_length=512, pattern=TEXT, description="What shows it: a letter, a ticket, a report"
    )


class NewNameplate(_Entered):
    """What a charger is."""

    site: str = Field(min_length=1, max_length=64, pattern=TEXT)
    charger: str = Field(min_length=1, max_length=48, pattern=TEXT)
    from_ms: Annotated[int, Field(ge=0, le=_INSTANT_MS_MAX, description="Since when"), WHOLE] = 0
    model: str = Field(min_length=1, max_length=64, pattern=TEXT)
    firmware: str = Field("", max_length=64, pattern=TEXT)
    rated_w: Annotated[
        int, Field(ge=0, le=_RATED_W_MAX, description="What it can give at most, W; 0 when not known"), WHOLE
    ] = 0


def caller_name() -> str:
    """Name who asks, for the record; "local" at a center without people."""
    return caller().name or "local"


def caller_sites() -> Sites:
    """Give the sites that the caller may know of; None for all."""
    return caller().sites


def kpi_router(figures: Figures) -> APIRouter:
    """Make the routes of ``/api/v1/kpis``; include it before the API's own router, which ends every other path."""
    router = APIRouter(prefix=PREFIX, responses=_AWAY)
    _add_figures(router, figures)
    _add_exclusions(router, figures)
    _add_nameplates(router, figures)
    return router


def _add_figures(router: APIRouter, figures: Figures) -> None:
    @router.get(
        "",
        response_model=KpiReport,
        responses={200: {"content": {"text/csv": {}}, "description": "The report"}},
        summary="Figures of a month per port, charger, site, model or firmware",
    )
    async def report(
        month: Month,
        by: Grouping = Grouping.PORT,
        site: SiteQuery = None,
        format: ReportFormat = ReportFormat.JSON,  # noqa: A002 - the parameter's name on the wire
    ) -> Response:
        sites = caller_sites()
        if site is not None:
            sites = frozenset({site}) if sites is None or site in sites else frozenset()
        answer = await figures.report(month, by, sites)
        if format is ReportFormat.CSV:
            headers = {"Content-Disposition": f'attachment; filename="kpis-{month}-{by}.csv"'}
            return Response(to_csv(answer), headers=headers, media_type="text/csv")
        return _json(answer)

    @router.get(
        "/evidence",
        response_model=KpiEvidence,
        responses=_NOT_FOUND,
        summary="What a port's figures of a month were computed from",
    )
    async def evidence(
        month: Month,
        site: Annotated[str, Query(max_length=64, pattern=TEXT)],
        charger: Annotated[str, Query(max_length=48, pattern=TEXT)],
        port: Annotated[int, Query(ge=1, le=_PORT_MAX)],
    ) -> Response:
        found = await figures.evidence(month, site, charger, port) if _sees(site) else None
        if found is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, "there is no such port in that month")
        return _json(found)


def _add_exclusions(router: APIRouter, figures: Figures) -> None:
    @router.get("/exclusions", response_model=list[ExclusionEntry], summary="Times that uptime does not count")
    async def exclusions() -> Response:
        return _json(await figures.exclusions(caller_sites()))

    @router.post(
        "/exclusions",
        response_model=ExclusionEntry,
        status_code=HTTPStatus.CREATED,
        responses=_NOT_FOUND,
        summary="Exclude a time from uptime, with its reason and evidence",
    )
    async def exclude(new: NewExclusion) -> Response:
        if new.to_ms <= new.from_ms:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "to_ms must be greater than from_ms")
        if new.port and not new.charger:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "a port needs its charger")
        _must_see(new.site)
        where, span, why = (new.site, new.charger, new.port), (new.from_ms, new.to_ms), (new.reason, new.evidence)
        try:
            made = await figures.exclude(where, span, why, caller_name())
        except UnavailableError as error:
            return _away(error)
        return _json(made, HTTPStatus.CREATED)

    @router.delete(
        "/exclusions/{number}",
        response_model=ExclusionEntry,
        responses=_NOT_FOUND,
        summary="Withdraw an exclusion; it stays in the list and counts no more",
    )
    async def withdraw(number: NumberPath) -> Response:
        known = any(one.number == number for one in await figures.exclusions(caller_sites()))
        try:
            gone = await figures.withdraw(number, caller_name()) if known else None
        except UnavailableError as error:
            return _away(error)
        if gone is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, "there is no such exclusion that still counts")
        return _json(gone)


def _add_nameplates(router: APIRouter, figures: Figures) -> None:
    @router.get("/nameplates", response_model=list[NameplateEntry], summary="What chargers are, newest entry first")
    async def nameplates() -> Response:
        return _json(await figures.nameplates(caller_sites()))

    @router.post(
        "/nameplates",
        response_model=NameplateEntry,
        status_code=HTTPStatus.CREATED,
        responses=_NOT_FOUND,
        summary="Say what a charger is from a time on: model, firmware, rated power",
    )
    async def name(new: NewNameplate) -> Response:
        _must_see(new.site)
        plate = (new.model, new.firmware, new.rated_w)
        try:
            made = await figures.name(new.site, new.charger, new.from_ms, plate, caller_name())
        except UnavailableError as error:
            return _away(error)
        return _json(made, HTTPStatus.CREATED)


def _sees(site: str) -> bool:
    sites = caller_sites()
    return sites is None or site in sites


def _must_see(site: str) -> None:
    if not _sees(site):
        raise HTTPException(HTTPStatus.NOT_FOUND, "there is no such site")


def _away(error: UnavailableError) -> Response:
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, f"the store cannot write now: {error}")


def _json(content: object, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
