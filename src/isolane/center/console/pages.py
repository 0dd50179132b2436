"""This file answers for the console's pages; it guards that a page shows what the store says and nothing it makes up.

Include the router last: its final route answers every other path with the page that says so.
"""

from fastapi import APIRouter, Request, Response

from isolane.center.console.books import by_gateway
from isolane.center.console.device import GATEWAY_PREFIX, device_page
from isolane.center.console.fleet import by_site, totals
from isolane.center.console.markup import render, utc_ms
from isolane.center.store.port import Catalogue, Telemetry


def console_router(catalogue: Catalogue, telemetry: Telemetry) -> APIRouter:
    """Give the routes of the console.

    Args:
        catalogue: Sites and books.
        telemetry: Signals and the fleet.
    """
    router = APIRouter(include_in_schema=False)

    async def fleet(template: str) -> Response:
        chargers = await telemetry.fleet()
        sites = await catalogue.sites()
        books = await catalogue.ledger()
        return render(
            template, nav="fleet", rows=by_site(chargers, sites), chargers=chargers, totals=totals(chargers, books)
        )

    @router.get("/")
    async def fleet_page() -> Response:
        return await fleet("fleet.html")

    @router.get("/fragments/fleet")
    async def fleet_fragment() -> Response:
        return await fleet("fleet_rows.html")

    @router.get("/ledger")
    async def ledger_page() -> Response:
        return render("ledger.html", nav="ledger", books=by_gateway(await catalogue.ledger()))

    @router.get("/fragments/ledger")
    async def ledger_fragment() -> Response:
        return render("ledger_rows.html", books=by_gateway(await catalogue.ledger()))

    @router.get("/chargers/{site}/{device}")
    async def charger_page(site: str, device: str) -> Response:
        signals = await telemetry.signals(site, device)
        summary = next((entry for entry in await telemetry.fleet(site) if entry.charger == device), None)
        if not signals and summary is None:
            return missing_page(f"There is no {_kind(device)} of that name at this site.")
        first_ms = next((e.first_seen_ms for e in await catalogue.chargers(site) if e.charger == device), 0)
        page = device_page(site, device, signals, summary, first_ms)
        return render("charger.html", nav="fleet", page=page, model=page.script_model(utc_ms()))

    @router.get("/{path:path}")
    async def unknown_page(request: Request) -> Response:
        return missing_page(f"Nothing lives at {request.url.path}.")

    return router


def _kind(device: str) -> str:
    return "gateway" if device.startswith(GATEWAY_PREFIX) else "charger"


def missing_page(sentence: str) -> Response:
    """Give the page for what is not there, status 404."""
    return render("error.html", 404, nav="", code=404, title="Not here", sentence=sentence)


def broken_page() -> Response:
    """Give the page for a request the center could not answer, status 500; the center's log has the reason."""
    sentence = "The center could not make this page. Its log says why; telemetry goes on being received."
    return render("error.html", 500, nav="", code=500, title="Something broke", sentence=sentence)
