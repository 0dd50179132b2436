"""This file defines the API's paths about snapshots; it guards that a file leaves as bytes, never as a page.

A path is made of an id that the table knows, and an id is 32 hex digits: nothing of a request becomes a name on the
disk or in a header. What is downloaded is an attachment of no type that a browser shows; the report, which is a page,
may do nothing but have its own style. Both are sandboxed.
"""

import base64
import hashlib
from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, HTTPException, Path, Query, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse
from pydantic import Field

from isolane.center.api.routes import PREFIX
from isolane.center.api.snapshot_bodies import (
    EraseBody,
    HoldBody,
    SnapshotDetail,
    SnapshotSeries,
    SnapshotState,
    detail_of,
    series_of,
)
from isolane.center.api.snapshot_file import SANDBOX, attachment
from isolane.center.api.texts import NUMBER_MAX, TEXT, SiteQuery
from isolane.center.store.people_views import caller
from isolane.center.store.snapshot_films import SnapshotFilms
from isolane.center.store.snapshot_port import HeldError, Snapshots
from isolane.center.store.snapshot_views import Erased, FileState, Snapshot, SnapshotPage, SnapshotQuery

LOCAL = "local"
"""Who acts at a center without people, where whoever reaches it may."""
SERIES_MAX: Final = 24
_BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


def _answers(*codes: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    return {int(code): {"description": code.phrase} for code in codes}


_MISSING = _answers(HTTPStatus.NOT_FOUND)
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": _BYTES, "description": "The file"},
    206: {"content": _BYTES, "description": "The part of it that was asked for"},
    **_answers(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE),
}
# An id that is none is one that does not exist: 404, whatever is in it.
_Id = Annotated[str, Path(json_schema_extra={"pattern": "^[0-9a-f]{32}$"}, description="32 hex digits")]
_Time = Annotated[int | None, Query(ge=0, le=NUMBER_MAX)]


def snapshot_router(snapshots: Snapshots, films: SnapshotFilms) -> APIRouter:
    """Make the routes about snapshots; include it before the API's own router, which ends every other path."""
    router = APIRouter(prefix=f"{PREFIX}/snapshots")
    _add_reading(router, snapshots, films)
    _add_files(router, snapshots, films)
    _add_actions(router, snapshots)
    return router


def _add_reading(router: APIRouter, snapshots: Snapshots, films: SnapshotFilms) -> None:
    @router.get("", response_model=SnapshotPage, summary="Snapshots, the last known first")
    async def page(
        *,
        site: SiteQuery = None,
        charger: Annotated[
            str | None, Query(max_length=256, pattern=TEXT, description="Identity, or gateway:<name>")
        ] = None,
        trigger: Annotated[str | None, Query(max_length=64, pattern=TEXT, description="With one of this kind")] = None,
        level: Annotated[int, Query(ge=0, le=4, description="This level or above")] = 0,
        state: Annotated[SnapshotState | None, Query(description="What its card says")] = None,
        file: Annotated[FileState | None, Query(description="What became of its file")] = None,
        from_ms: Annotated[_Time, Query(description="Begun then or later")] = None,
        to_ms: Annotated[_Time, Query(description="Begun before")] = None,
        before: Annotated[int | None, Query(ge=1, le=NUMBER_MAX, description="`before` of the last page")] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> Response:
        times = (from_ms, to_ms, before)
        query = SnapshotQuery(caller().sites, site, charger, level, *times, limit, trigger, state, file)
        return _json(await snapshots.page(query))

    @router.get(
        "/{id}",
        response_model=SnapshotDetail,
        responses=_MISSING,
        summary="One, its manifest and the check of its file",
    )
    async def one(id: _Id) -> Response:  # noqa: A002 - the parameter's name on the wire
        found = await _seen(snapshots, id)
        return _json(detail_of(found, await films.film(found)))

    @router.get(
        "/{id}/series",
        response_model=list[SnapshotSeries],
        responses=_MISSING,
        summary="Some signals; number 0 is the one that was least as before",
    )
    async def series(
        id: _Id,  # noqa: A002 - the parameter's name on the wire
        signal: Annotated[
            list[Annotated[int, Field(ge=0, le=NUMBER_MAX)]],
            Query(min_length=1, max_length=SERIES_MAX, description="Number; may be repeated"),
        ],
        points: Annotated[int, Query(ge=10, le=20_000, description="Of more samples the extremes are left")] = 2000,
    ) -> Response:
        film = await films.film(await _seen(snapshots, id))
        known = [number for number in dict.fromkeys(signal) if number < len(film.offs)]
        return _json([series_of(number, film.offs[number], points) for number in known])


def _add_files(router: APIRouter, snapshots: Snapshots, films: SnapshotFilms) -> None:
    @router.get("/{id}/file", response_class=StreamingResponse, responses=_FILE, summary="Its file, MCAP")
    async def download(id: _Id, request: Request) -> Response:  # noqa: A002 - the parameter's name on the wire
        found = await _seen(snapshots, id)
        path = snapshots.path_of(found)
        if path is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"its file is not here: {found.file}")
        return attachment(path, f"{found.id}.mcap", request.headers.getlist("range"))

    @router.get("/{id}/report", response_class=HTMLResponse, responses=_MISSING, summary="Its incident report")
    async def report(id: _Id) -> Response:  # noqa: A002 - the parameter's name on the wire
        page = await films.report(await _seen(snapshots, id))
        if page is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, "its file is not here, or cannot be opened")
        return HTMLResponse(page, headers={"Content-Security-Policy": _policy(page)})


def _add_actions(router: APIRouter, snapshots: Snapshots) -> None:
    @router.put("/{id}/hold", response_model=Snapshot, responses=_MISSING, summary="Keep it, whatever needs room")
    async def hold(id: _Id, body: HoldBody) -> Response:  # noqa: A002 - the parameter's name on the wire
        await _seen(snapshots, id)
        return _json(_known(await snapshots.hold(id, _who(), body.why)))

    @router.delete("/{id}/hold", response_model=Snapshot, responses=_MISSING, summary="Let it go when room is needed")
    async def let_go(id: _Id) -> Response:  # noqa: A002 - the parameter's name on the wire
        await _seen(snapshots, id)
        return _json(_known(await snapshots.let_go(id, _who())))

    @router.delete(
        "/{id}",
        status_code=HTTPStatus.NO_CONTENT,
        response_class=Response,
        responses=_answers(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
        summary="Delete it, card and file; what still comes of it is refused",
    )
    async def delete(id: _Id) -> Response:  # noqa: A002 - the parameter's name on the wire
        await _seen(snapshots, id)
        try:
            if not await snapshots.delete(id, _who()):
                raise HTTPException(HTTPStatus.NOT_FOUND, _NONE)
        except HeldError as error:
            raise HTTPException(HTTPStatus.CONFLICT, "somebody holds it: let it go first") from error
        return Response(status_code=HTTPStatus.NO_CONTENT)

    @router.post("/erase", response_model=Erased, summary="Delete all of a site, or that name a transaction")
    async def erase(body: EraseBody) -> Response:
        subject = {name: word for name, word in body.model_dump().items() if word}
        if not subject:
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "name a site, a pseudonym, or both")
        return _json(await snapshots.erase(subject, caller().sites, _who()))


_NONE: Final = "there is no such snapshot"


async def _seen(snapshots: Snapshots, identity: str) -> Snapshot:
    """Find a snapshot that the caller may know of."""
    found = await snapshots.one(identity)
    if found is None or not caller().sees(found.site):
        raise HTTPException(HTTPStatus.NOT_FOUND, _NONE)
    return found


def _known(found: Snapshot | None) -> Snapshot:
    if found is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, _NONE)
    return found


def _policy(page: str) -> str:
    """Say what a report may do: have the style that it was written with. Texts before it are escaped."""
    style = page.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"{SANDBOX}; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"


def _who() -> str:
    """Name who acts."""
    return caller().name or LOCAL


def _json(content: object) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")
