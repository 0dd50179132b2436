"""This file answers for the console's pages; it guards that a page shows what the store says and nothing it makes up.

Include the router last: its final route answers every other path with the page that says so.
"""

import logging
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.routing import APIRoute

from isolane.center.console.books import by_gateway
from isolane.center.console.device import GATEWAY_PREFIX, device_page
from isolane.center.console.fleet import part, totals
from isolane.center.console.markup import render, utc_ms
from isolane.center.store.people_views import seen
from isolane.center.store.port import Catalogue, Telemetry, UnavailableError

_log = logging.getLogger(__name__)

QUARANTINE_MAX = 20
"""Messages set aside that the ledger page lists, newest first."""


_Filter = Annotated[str, Query(max_length=200)]
_Number = Annotated[int, Query(ge=1, le=1_000_000)]


class PageRoute(APIRoute):
    """A route whose visitor reads a page, not problem+json, when the store cannot be read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the route's own handler."""
        answer = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                return await answer(request)
            except (UnavailableError, OSError) as error:
                _log.error("page-not-made path=%s error=%s", request.url.path, error)
                return broken_page()

        return answered


def console_router(catalogue: Catalogue, telemetry: Telemetry) -> APIRouter:
    """Give the routes of the console.

    Args:
        catalogue: Sites and books.
        telemetry: Signals and the fleet.
    """
    router = APIRouter(include_in_schema=False, route_class=PageRoute)

    async def fleet(template: str, text: str, number: int) -> Response:
        chargers = seen(await telemetry.fleet())
        sites = seen(await catalogue.sites())
        books = seen(await catalogue.ledger())
        shown = part(chargers, sites, text.strip(), number)
        return render(template, nav="fleet", part=shown, totals=totals(chargers, books), sites=len(sites))

    async def ledger(template: str) -> Response:
        books = by_gateway(seen(await catalogue.ledger()))
        return render(template, nav="ledger", books=books, quarantine=seen(await catalogue.quarantine(QUARANTINE_MAX)))

    @router.get("/")
    async def fleet_page(q: _Filter = "", page: _Number = 1) -> Response:
        return await fleet("fleet.html", q, page)

    @router.get("/fragments/fleet")
    async def fleet_fragment(q: _Filter = "", page: _Number = 1) -> Response:
        return await fleet("fleet_rows.html", q, page)

    @router.get("/ledger")
    async def ledger_page() -> Response:
        return await ledger("ledger.html")

    @router.get("/fragments/ledger")
    async def ledger_fragment() -> Response:
        return await ledger("ledger_rows.html")

    @router.get("/chargers/{site}/{device}")
    async def charger_page(site: str, device: str) -> Response:
        signals = await telemetry.signals(site, device)
        summary = next((entry for entry in await telemetry.fleet(site) if entry.charger == device), None)
        if not signals and summary is None:
            return missing_page(f"There is no {_kind(device)} of that name at this site.")
        gateway = summary.gateway if summary else device.removeprefix(GATEWAY_PREFIX)
        runs = [line.epoch for line in await catalogue.ledger(site) if line.gateway == gateway]
        page = device_page(site, device, signals, summary, min(runs, default=0))
        return render("charger.html", nav="fleet", page=page, model=page.script_model(utc_ms()))

    @router.get("/{path:path}")
    async def unknown_page(path: str) -> Response:
        return missing_page(f"Nothing lives at /{path}.")

    return router


def _kind(device: str) -> str:
    return "gateway" if device.startswith(GATEWAY_PREFIX) else "charger"


def missing_page(sentence: str) -> Response:
    """Give the page for what is not there, status 404."""
    return render("error.html", 404, nav="", code=404, title="Not here", sentence=sentence)


def broken_page() -> Response:
    """Give the page for when the store cannot be read, status 503; the center's log has the reason."""
    sentence = "The center cannot read its store now. Its log says why; try again in a moment."
    return render("error.html", 503, nav="", code=503, title="Not now", sentence=sentence)
