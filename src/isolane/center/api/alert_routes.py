"""This file defines the API's paths about alerts; it guards that nobody sees or touches an alert of a foreign site.

Who acts is known from his session or token; no body says it. A field that is not known is an error (422).
"""

import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from isolane.center.api.live import EventStream, LiveStreams
from isolane.center.api.routes import PREFIX
from isolane.center.api.texts import NUMBER_MAX, TEXT, WHOLE, NumberPath, SiteQuery
from isolane.center.store.alert_port import Alerts, ClosedAlertError, NoSuchAlertError
from isolane.center.store.alert_views import (
    Alert,
    AlertCounts,
    AlertHistory,
    AlertPage,
    AlertQuery,
    AlertState,
    Silence,
)
from isolane.center.store.people_views import caller

LOCAL = "local"
"""Who acts at a center without people, where whoever reaches it may."""
SILENCE_MS_MAX = 90 * 86_400_000

_Comment = Annotated[str, Field(max_length=2000, pattern=TEXT)]
_Matcher = Annotated[str, Field(max_length=256, pattern=TEXT)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class CommentBody(_Body):
    """What somebody says."""

    text: Annotated[str, Field(min_length=1, max_length=2000, pattern=TEXT)]


class ReasonBody(_Body):
    """What somebody says, if he wants to."""

    text: _Comment = ""


class AssignBody(_Body):
    """Whose alert it is from now on; empty takes it back."""

    assignee: Annotated[str, Field(max_length=64, pattern=TEXT)]


class SilenceBody(_Body):
    """What is to be silent, for how long and why; at least one matcher."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": [name], "properties": {name: {"minLength": 1}}}
                for name in ("rule", "site", "device", "subject")
            ]
        }
    )

    rule: Annotated[str, Field(max_length=64, pattern=TEXT)] = ""
    site: Annotated[str, Field(max_length=64, pattern=TEXT)] = ""
    device: _Matcher = ""
    subject: _Matcher = ""
    minutes: Annotated[int, Field(ge=1, le=SILENCE_MS_MAX // 60_000), WHOLE]
    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=TEXT)]


def _answers(*codes: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    return {int(code): {"description": code.phrase} for code in codes}


_MISSING = _answers(HTTPStatus.NOT_FOUND)
_ACTED = _answers(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)


def alert_router(alerts: Alerts, live: LiveStreams) -> APIRouter:
    """Make the routes about alerts and silences."""
    router = APIRouter(prefix=PREFIX)
    _add_reading(router, alerts, live)
    _add_actions(router, alerts)
    _add_silences(router, alerts)
    return router


def _add_reading(router: APIRouter, alerts: Alerts, live: LiveStreams) -> None:
    @router.get("/alerts", response_model=AlertPage, summary="Alerts, newest first")
    async def page(
        *,
        site: SiteQuery = None,
        device: Annotated[str | None, Query(max_length=256, pattern=TEXT)] = None,
        rule: Annotated[str | None, Query(max_length=64, pattern=TEXT)] = None,
        level: Annotated[int, Query(ge=0, le=4, description="This level or above")] = 0,
        state: Annotated[list[AlertState] | None, Query(max_length=5, description="May be repeated")] = None,
        before: Annotated[int | None, Query(ge=1, le=NUMBER_MAX, description="`before` of the last page")] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> Response:
        states = tuple(str(one) for one in state or ())
        query = AlertQuery(_sites(), site, device, rule, level, states, before, limit)
        return _json(await alerts.page(query))

    @router.get("/alerts/counts", response_model=AlertCounts, summary="How many stand at each level")
    async def counts() -> Response:
        return _json(await alerts.counts(_sites()))

    @router.get(
        "/alerts/live", response_class=EventStream, summary="The counts, whenever anything about alerts has changed"
    )
    async def changes() -> Response:
        sites, version = _sites(), 0

        async def news() -> tuple[int, bytes]:
            nonlocal version
            version = await alerts.changed(version)
            return version, msgspec.json.encode(await alerts.counts(sites))

        return live.answer(live.events("alerts", news))

    @router.get("/alerts/{number}", response_model=AlertHistory, responses=_MISSING, summary="One with its history")
    async def history(number: NumberPath) -> Response:
        return _json(await _seen(alerts, number))


def _add_actions(router: APIRouter, alerts: Alerts) -> None:
    @router.post("/alerts/{number}/ack", response_model=Alert, responses=_ACTED, summary="Say that you have seen it")
    async def acknowledge(number: NumberPath, body: ReasonBody) -> Response:
        return await _act(alerts, number, lambda: alerts.acknowledge(number, _who(), body.text, _now_ms()))

    @router.post("/alerts/{number}/comment", response_model=Alert, responses=_ACTED, summary="Comment")
    async def comment(number: NumberPath, body: CommentBody) -> Response:
        return await _act(alerts, number, lambda: alerts.comment(number, _who(), body.text, _now_ms()))

    @router.post("/alerts/{number}/assign", response_model=Alert, responses=_ACTED, summary="Give it to somebody")
    async def assign(number: NumberPath, body: AssignBody) -> Response:
        return await _act(alerts, number, lambda: alerts.assign(number, _who(), body.assignee, _now_ms()))

    @router.post(
        "/alerts/{number}/close",
        response_model=Alert,
        responses=_ACTED,
        summary="Close it; it opens again only after its condition has ended once",
    )
    async def close(number: NumberPath, body: ReasonBody) -> Response:
        return await _act(alerts, number, lambda: alerts.close_by_hand(number, _who(), body.text, _now_ms()))


def _add_silences(router: APIRouter, alerts: Alerts) -> None:
    @router.get("/silences", response_model=list[Silence], summary="Silences that have not ended, newest first")
    async def silences() -> Response:
        return _json([one for one in await alerts.silences(_now_ms()) if _covers(one.site)])

    @router.post(
        "/silences",
        response_model=Silence,
        status_code=HTTPStatus.CREATED,
        responses=_answers(HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY),
        summary="Keep alerts from the ways out for a while",
    )
    async def silence(body: SilenceBody) -> Response:
        if not (body.rule or body.site or body.device or body.subject):
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "name a rule, site, device or subject")
        if not _covers(body.site):
            raise HTTPException(HTTPStatus.FORBIDDEN, "name a site of yours")
        now_ms = _now_ms()
        until_ms = now_ms + body.minutes * 60_000
        made = Silence(0, body.rule, body.site, body.device, body.subject, body.reason, _who(), now_ms, until_ms)
        return _json(await alerts.silence(made), HTTPStatus.CREATED)

    @router.delete("/silences/{number}", response_model=Silence, responses=_MISSING, summary="End a silence now")
    async def end(number: NumberPath) -> Response:
        known = {one.number for one in await alerts.silences(_now_ms()) if _covers(one.site)}
        if number not in known:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"there is no silence {number}")
        return _json(await alerts.end_silence(number, _who(), _now_ms()))


async def _seen(alerts: Alerts, number: int) -> AlertHistory:
    """Find an alert that the caller may know of."""
    try:
        found = await alerts.history(number)
    except NoSuchAlertError as error:
        raise HTTPException(HTTPStatus.NOT_FOUND, str(error)) from error
    if not _covers(found.alert.site):
        raise HTTPException(HTTPStatus.NOT_FOUND, f"there is no alert {number}")
    return found


async def _act(alerts: Alerts, number: int, action: Callable[[], Awaitable[Alert]]) -> Response:
    """Do something to an alert that the caller may know of."""
    await _seen(alerts, number)
    try:
        return _json(await action())
    except ClosedAlertError as error:
        raise HTTPException(HTTPStatus.CONFLICT, str(error)) from error
    except NoSuchAlertError as error:
        raise HTTPException(HTTPStatus.NOT_FOUND, str(error)) from error


def _who() -> str:
    """Name who acts."""
    return caller().name or LOCAL


def _sites() -> frozenset[str] | None:
    """Give the sites that the caller may know of, None for all."""
    return caller().sites


def _covers(site: str) -> bool:
    """Tell whether the caller may know of a site; what has none is for those who see all."""
    sites = _sites()
    return sites is None or site in sites


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _json(content: object, status: int = HTTPStatus.OK) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
