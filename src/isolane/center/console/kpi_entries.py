"""This file answers for what people enter for figures; it guards that an entry names a charger that there is.

Who may enter is said by the table of rights. A page that somebody else looks at has no form.
"""

import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Protocol

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from isolane.center.console.fields import Fields, form_of, moment_text
from isolane.center.console.markup import render
from isolane.center.console.pages import PageRoute, missing_page
from isolane.center.store.kpi_port import Figures
from isolane.center.store.kpi_views import ExclusionReason
from isolane.center.store.people_views import Role, caller, seen
from isolane.center.store.views import ChargerEntry

PATH: Final = "/kpis/entries"
REASONS: Final[dict[str, str]] = {
    ExclusionReason.UTILITY: "Utility: the grid was interrupted",
    ExclusionReason.VEHICLE: "Vehicle: its own fault",
    ExclusionReason.MAINTENANCE: "Maintenance: it was scheduled",
    ExclusionReason.VANDALISM: "Vandalism: somebody broke it",
    ExclusionReason.DISASTER: "Disaster: a natural one",
    ExclusionReason.CLOSED: "Closed: outside the hours of operation",
}
_MAY_ENTER: Final = frozenset({Role.ENGINEER, Role.ADMIN})
_DAY_MS: Final = 86_400_000
_NAME_CHARS_MAX, _TEXT_CHARS_MAX, _PORT_MAX, _RATED_KW_MAX = 64, 512, 1000, 100_000
_LOCAL: Final = "local"


class Chargers(Protocol):
    """What is asked of the catalogue."""

    async def chargers(self, site: str | None = None) -> list[ChargerEntry]:
        """See `store.port.Catalogue.chargers`."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """An exclusion or a nameplate as its form says; what `fields` has errors of is not to be entered."""

    fields: Fields
    site: str
    charger: str


def kpi_entry_pages(figures: Figures, catalogue: Chargers) -> APIRouter:
    """Give the routes of these pages; include them before the console's own, which ends every other path.

    Args:
        figures: Keeps what is entered.
        catalogue: Names the chargers.
    """
    router = APIRouter(include_in_schema=False, route_class=PageRoute)

    @router.get(PATH)
    async def entries_page(site: str = "", charger: str = "", port: str = "") -> Response:
        now_ms = time.time_ns() // 1_000_000
        day_ms = now_ms // _DAY_MS * _DAY_MS
        given = {"site": site, "charger": charger}
        times = {"from": moment_text(day_ms - _DAY_MS), "to": moment_text(day_ms)}
        plate = Fields(given | {"from": moment_text(day_ms)})
        return await _page(figures, catalogue, Fields(given | times | {"port": port}), plate)

    _add_exclusions(router, figures, catalogue)
    _add_nameplates(router, figures, catalogue)
    return router


def _add_exclusions(router: APIRouter, figures: Figures, catalogue: Chargers) -> None:
    @router.post("/kpis/exclusions")
    async def exclude(request: Request) -> Response:
        asked = await _asked(request, catalogue)
        fields = asked.fields
        port = int(fields.number("port", 0, _PORT_MAX))
        if port and not asked.charger:
            fields.errors.setdefault("charger", "A port needs its charger. Choose it, or leave the port empty.")
        begin, end = fields.moment_ms("from"), fields.moment_ms("to")
        if not {"from", "to"} & fields.errors.keys() and end <= begin:
            fields.errors["to"] = "This is not after the beginning. Write the first instant that counts again."
        reason = fields.one_of("reason", set(ExclusionReason), "reason")
        evidence = fields.text(
            "evidence", _TEXT_CHARS_MAX, empty="Write what shows it: a letter, a ticket, the number of a report."
        )
        if fields.errors:
            return await _page(figures, catalogue, fields, Fields())
        why = (ExclusionReason(reason), evidence)
        await figures.exclude((asked.site, asked.charger, port), (begin, end), why, caller().name or _LOCAL)
        return _done("exclusions")

    @router.post("/kpis/exclusions/{number}")
    async def withdraw(number: str) -> Response:
        known = [str(one.number) for one in await figures.exclusions(caller().sites)]
        if number not in known or await figures.withdraw(int(number), caller().name or _LOCAL) is None:
            return missing_page("There is no such exclusion that still counts.")
        return _done("exclusions")


def _add_nameplates(router: APIRouter, figures: Figures, catalogue: Chargers) -> None:
    @router.post("/kpis/nameplates")
    async def name(request: Request) -> Response:
        asked = await _asked(request, catalogue)
        fields = asked.fields
        if not asked.charger:
            fields.errors.setdefault("charger", "A nameplate is of one charger. Choose it.")
        begin = fields.moment_ms("from")
        model = fields.text("model", _NAME_CHARS_MAX, empty="Write what the nameplate says, always in the same way.")
        firmware = fields.text("firmware", _NAME_CHARS_MAX)
        rated_w = round(fields.number("rated_kw", 0, _RATED_KW_MAX, is_whole=False) * 1000)
        if fields.errors:
            return await _page(figures, catalogue, Fields(), fields)
        plate = (model, firmware, rated_w)
        await figures.name(asked.site, asked.charger, begin, plate, caller().name or _LOCAL)
        return _done("nameplates")


async def _asked(request: Request, catalogue: Chargers) -> Asked:
    """Read where an entry belongs. A site of others is answered as if it did not exist."""
    fields = Fields(form_of(await request.body()))
    places = _places(seen(await catalogue.chargers()))
    site = fields.one_of("site", places, "site")
    charger = fields.values.get("charger", "").strip()
    if charger and site in places:
        fields.one_of("charger", places[site], "charger at this site")
    return Asked(fields, site, charger)


def _places(chargers: list[ChargerEntry]) -> dict[str, list[str]]:
    places: dict[str, list[str]] = {}
    for one in chargers:
        places.setdefault(one.site, []).append(one.charger)
    return places


async def _page(figures: Figures, catalogue: Chargers, exclusion: Fields, plate: Fields) -> Response:
    is_refused = bool(exclusion.errors or plate.errors)
    sites = caller().sites
    return render(
        "kpi_entries.html",
        HTTPStatus.UNPROCESSABLE_ENTITY if is_refused else HTTPStatus.OK,
        nav="kpis",
        exclusion=exclusion,
        plate=plate,
        is_refused=is_refused,
        places=_places(seen(await catalogue.chargers())),
        reasons=REASONS,
        exclusions=await figures.exclusions(sites),
        nameplates=await figures.nameplates(sites),
        may_enter=caller().role in _MAY_ENTER,
    )


def _done(part: str) -> Response:
    return RedirectResponse(f"{PATH}#{part}", HTTPStatus.SEE_OTHER)
