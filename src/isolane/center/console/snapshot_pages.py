"""This file answers for the pages of snapshots; it guards that a file is shown only as far as it could be checked.

A page has no more signals and happenings than it says; a search among the signals is a question to the center. Plots
are drawn by static/js/snapshot.js from the API; the numbers around the trigger stand in the page itself.
"""

from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import parse_qs, urlencode

import msgspec
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from isolane.center.console.alarms import row
from isolane.center.console.markup import render
from isolane.center.console.pages import PageRoute, missing_page
from isolane.center.console.snapshot_rows import (
    OFFSETS_S,
    SIGNATURES,
    beats,
    charger_link,
    counted,
    is_near,
    line_of,
    sentences,
    signal_rows,
    window,
)
from isolane.center.store.alert_port import Alerts, NoSuchAlertError
from isolane.center.store.alert_views import AlertQuery, Level
from isolane.center.store.people_views import Role, caller
from isolane.center.store.snapshot_film import Film
from isolane.center.store.snapshot_films import SnapshotFilms
from isolane.center.store.snapshot_port import HeldError, Snapshots
from isolane.center.store.snapshot_views import NEAR_MS, FileState, Snapshot, SnapshotQuery

DRAWN_MAX: Final = 12
BEATS_MAX: Final = 300
LISTED_MAX: Final = 50
NEWEST: Final = 5
MOMENTS_MAX: Final = 20
_LOCAL: Final = "local"
_WHY_CHARS_MAX: Final = 500
_NUMBER_MAX = 2**53
_HOLDERS: Final = frozenset({Role.ENGINEER, Role.ADMIN})

_Text = Annotated[str, Query(max_length=256)]
_Time = Annotated[int | None, Field(ge=0, le=_NUMBER_MAX)]


class _Asked(BaseModel):
    """What a list is asked for."""

    site: Annotated[str, Field(max_length=256)] = ""
    charger: Annotated[str, Field(max_length=256)] = ""
    trigger: Annotated[str, Field(max_length=256)] = ""
    from_ms: _Time = None
    to_ms: _Time = None
    before: _Time = None

    @property
    def query(self) -> SnapshotQuery:
        """The same for the store."""
        times = (self.from_ms, self.to_ms, self.before)
        texts = [text.replace("\0", "") or None for text in (self.site, self.charger, self.trigger)]
        return SnapshotQuery(caller().sites, texts[0], texts[1], 0, *times, LISTED_MAX, texts[2])

    def link(self, **changes: Any) -> str:  # noqa: ANN401 - texts and numbers
        """Give the same as an address's query."""
        told = self.model_dump() | changes
        return urlencode({name: value for name, value in told.items() if value})


def snapshot_pages(alerts: Alerts, snapshots: Snapshots, films: SnapshotFilms) -> APIRouter:
    """Give the routes of these pages; include them before the console's own, which ends every other path."""
    router = APIRouter(include_in_schema=False, route_class=PageRoute)
    _add_lists(router, alerts, snapshots)
    _add_cards(router, alerts, snapshots)
    _add_viewer(router, alerts, snapshots, films)
    _add_actions(router, snapshots)
    return router


def _add_lists(router: APIRouter, alerts: Alerts, snapshots: Snapshots) -> None:
    async def listing(template: str, asked: _Asked) -> Response:
        found = await snapshots.page(asked.query)
        lines = [line_of(one) for one in found.snapshots]
        more = asked.link(before=found.before) if found.before else ""
        alarms = await alerts.page(AlertQuery(sites=caller().sites, level_min=Level.L3, limit=MOMENTS_MAX))
        moments = [(row(one), window(one.site, one.device, one.opened_ms)) for one in alarms.alerts if one.device]
        return render(template, nav="snapshots", lines=lines, more=more, asked=asked, moments=moments)

    @router.get("/snapshots")
    async def snapshots_page(asked: Annotated[_Asked, Query()]) -> Response:
        return await listing("snapshots.html", asked)

    @router.get("/fragments/snapshots")
    async def snapshots_fragment(asked: Annotated[_Asked, Query()]) -> Response:
        return await listing("snapshot_rows.html", asked)


def _add_cards(router: APIRouter, alerts: Alerts, snapshots: Snapshots) -> None:
    @router.get("/fragments/snapshots/{site}/{device}")
    async def of_charger(site: str, device: str) -> Response:
        found = await snapshots.page(SnapshotQuery(caller().sites, site, device, limit=NEWEST))
        more = urlencode({"site": site, "charger": device}) if found.before else ""
        return render(
            "snapshot_card.html", title="Snapshots", lines=[line_of(one) for one in found.snapshots], more=more
        )

    @router.get("/fragments/alarms/{number}/snapshots")
    async def of_alarm(number: str) -> Response:
        try:
            found = await alerts.history(int(number)) if number.isdecimal() and int(number) < _NUMBER_MAX else None
        except NoSuchAlertError:
            found = None
        if found is None or not caller().sees(found.alert.site):
            return missing_page("There is no alarm of that number.")
        alert = found.alert
        times = (alert.opened_ms - 2 * NEAR_MS, alert.opened_ms + NEAR_MS)
        near = await snapshots.page(SnapshotQuery(caller().sites, alert.site, alert.device or None, 0, *times))
        lines = [line_of(one) for one in near.snapshots if is_near(alert, one)]
        return render("snapshot_card.html", title="Snapshots of that time", lines=lines, more="")


def _add_viewer(router: APIRouter, alerts: Alerts, snapshots: Snapshots, films: SnapshotFilms) -> None:
    @router.get("/snapshots/{id}")
    async def snapshot_page(id: str, q: _Text = "") -> Response:  # noqa: A002 - the route's parameter
        found = await _seen(snapshots, id)
        if found is None:
            return _missing()
        return await _viewer(alerts, found, await films.film(found), q.strip())

    @router.get("/fragments/snapshots/{id}")
    async def snapshot_fragment(id: str) -> Response:  # noqa: A002 - the route's parameter
        found = await _seen(snapshots, id)
        return _missing() if found is None else render("snapshot_file.html", line=line_of(found), s=found)


def _add_actions(router: APIRouter, snapshots: Snapshots) -> None:
    @router.post("/snapshots/{id}")
    async def hold(id: str, request: Request) -> Response:  # noqa: A002 - the route's parameter
        found = await _seen(snapshots, id)
        if found is None:
            return _missing()
        form = {key: values[-1] for key, values in parse_qs((await request.body()).decode("utf-8", "replace")).items()}
        why = form.get("why", "").strip()[:_WHY_CHARS_MAX]
        if form.get("action") == "let-go":
            await snapshots.let_go(id, _who())
        elif form.get("action") == "hold" and why:
            await snapshots.hold(id, _who(), why)
        return RedirectResponse(f"/snapshots/{found.id}", HTTPStatus.SEE_OTHER)

    @router.post("/snapshots/{id}/delete")
    async def delete(id: str) -> Response:  # noqa: A002 - the route's parameter
        found = await _seen(snapshots, id)
        if found is None:
            return _missing()
        try:
            await snapshots.delete(id, _who())
        except HeldError:
            return RedirectResponse(f"/snapshots/{found.id}", HTTPStatus.SEE_OTHER)
        return RedirectResponse("/snapshots", HTTPStatus.SEE_OTHER)


async def _seen(snapshots: Snapshots, identity: str) -> Snapshot | None:
    """Find a snapshot that the caller may know of."""
    found = await snapshots.one(identity)
    return found if found is not None and caller().sees(found.site) else None


def _missing() -> Response:
    return missing_page("There is no such snapshot.")


def _who() -> str:
    return caller().name or _LOCAL


async def _viewer(alerts: Alerts, snapshot: Snapshot, film: Film, wanted: str) -> Response:
    near = await alerts.page(AlertQuery(sites=caller().sites, site=snapshot.site, limit=200))
    signals, found = signal_rows(film, wanted, DRAWN_MAX)
    shown, manifest = beats(film, BEATS_MAX), film.manifest
    card = snapshot.card
    return render(
        "snapshot.html",
        nav="snapshots",
        line=line_of(snapshot),
        s=snapshot,
        card=card,
        signature=SIGNATURES[film.verification.signature],
        verification=film.verification,
        sentences=sentences(film.verification, film),
        is_other=bool(card and card.sha256 and card.size != snapshot.size and snapshot.file == FileState.WHOLE),
        manifest=manifest,
        topics=counted(list(manifest.messages.items())) if manifest is not None else "",
        is_here=snapshot.file == FileState.WHOLE,
        charger=charger_link(snapshot.site, snapshot.device),
        window=window(snapshot.site, snapshot.device, snapshot.begun_ms),
        signals=signals,
        found=found,
        count=len(film.offs),
        offsets=OFFSETS_S,
        model=_model(snapshot, film, [one.number for one in signals]),
        beats=shown,
        happenings=film.count,
        wanted=wanted,
        alarms=[row(one) for one in near.alerts if is_near(one, snapshot)],
        may_hold=caller().role in _HOLDERS,
        may_delete=caller().role == Role.ADMIN,
    )


def _model(snapshot: Snapshot, film: Film, numbers: list[int]) -> str:
    """Give the JSON that static/js/snapshot.js reads from the page."""
    triggers = [] if film.manifest is None else [one.t_ms for one in film.manifest.triggers]
    return msgspec.json.encode(
        {"id": snapshot.id, "signals": numbers, "triggers": triggers, "trigger_ms": film.trigger_ms}
    ).decode()
