"""This file reads the pages of health; it guards that names are texts and that an empty page says how long it takes."""

import json
import re
from collections.abc import AsyncIterator, Callable
from html import unescape

import httpx
import pytest
from fastapi import FastAPI

from isolane.center.console.health_pages import health_pages
from isolane.center.fleet.desk import FleetDesk
from isolane.center.kpis.reports import Reports
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.kpi_book import KpiBook
from isolane.center.store.port import Batch
from isolane.core.signals import Signal
from isolane.wire.health_paper import Part
from support.asked import Asked
from support.gateways import T0_MS, FakeGateway
from support.health_papers import CONTACT, WELD, Teller, change, features, score

HOSTILE = "<img src=x onerror=alert(1)>"
EVIL = Part(HOSTILE, "1.1", "TemperatureSensor[<b>]", "connector/1", "<i>")
T0_S = T0_MS // 1000


@pytest.fixture
async def teller(open_catalogue: Callable[[], SqlCatalogue], gateway: FakeGateway) -> Teller:
    return Teller(open_catalogue(), gateway.origin())


@pytest.fixture
async def client(
    teller: Teller, open_telemetry: Callable[[], EmbeddedTelemetry], gateway: FakeGateway
) -> AsyncIterator[httpx.AsyncClient]:
    telemetry = open_telemetry()
    learnt = gateway.schema(Signal("CP-9", "1.0/EVSE/Power", "W", 1))
    await telemetry.commit(Batch((gateway.block(learnt.schema, [[1]]),), (learnt,)))
    desk = FleetDesk(teller.book, Reports(KpiBook(teller.catalogue), telemetry))
    app = FastAPI()
    app.include_router(health_pages(teller.book, telemetry, desk))
    async with httpx.AsyncClient(base_url="http://test", transport=httpx.ASGITransport(Asked(app))) as one:
        yield one


async def test_a_chargers_page_shows_its_parts_and_the_evidence_of_the_worst(
    client: httpx.AsyncClient, teller: Teller
) -> None:
    own = score(CONTACT, T0_S + 86_400, 42.0, 2)
    await teller.tell(own, change(CONTACT, T0_S + 86_400, 1, 2, own), *features(CONTACT, 20, t0_s=T0_S))
    text = (await client.get("/chargers/depot/CP-1/health")).text
    for said in (
        "Contact DC+",
        "42 ± 4",
        "Measured, 60 features, trust good",
        "L2 Plan",
        "Clean the contact.",
        "CX018",
    ):
        assert said in text, said
    found = re.search(r'data-model="([^"]*)"', text)
    assert found is not None
    model = json.loads(unescape(found[1]))
    assert (len(model["t"]), model["theta_0"], model["theta_end"], model["unit"]) == (20, 1e-3, 2e-3, "K/A2")
    assert model["changes"] == [[T0_S + 86_400, 2]]
    card = (await client.get("/fragments/health/depot/CP-1")).text
    assert "<html" not in card
    assert "Lowest that safety rests on: <b>Contact DC+</b>" in card
    for forbidden in (" style=", "<style", "javascript:", " onclick", "http://", "https://"):
        assert forbidden not in text + card, forbidden


async def test_what_is_new_says_how_long_it_takes(client: httpx.AsyncClient, teller: Teller) -> None:
    for path in ("/chargers/depot/CP-9/health", "/fragments/health/depot/CP-9"):
        assert "first 50 features" in (await client.get(path)).text
    await teller.tell(score(CONTACT, T0_S, None))
    text = (await client.get("/chargers/depot/CP-1/health")).text
    assert "1 measure still learning" in text
    assert "No features yet" in text
    assert "none with a score yet" in (await client.get("/fragments/health/depot/CP-1")).text


async def test_a_finding_has_what_was_seen(client: httpx.AsyncClient, teller: Teller) -> None:
    await teller.tell(change(WELD, T0_S, -1, 4))
    text = (await client.get("/chargers/depot/CP-1/health")).text
    assert "limit 60.0" in text
    assert "L4 Safety" in text


async def test_names_are_texts(client: httpx.AsyncClient, teller: Teller) -> None:
    await teller.tell(score(EVIL, T0_S, 10.0, 3), *features(EVIL, 6, t0_s=T0_S), change(EVIL, T0_S + 1, -1, 3))
    for path in (f"/chargers/depot/{HOSTILE}/health", "/health", "/health/fleet"):
        page = (await client.get(path)).text
        assert "<img" not in page
        assert "<i>" not in page
        assert "<b>]" not in page


async def test_the_fleets_worst_with_filters(client: httpx.AsyncClient, teller: Teller) -> None:
    assert "No part is at L1 or above" in (await client.get("/health")).text
    await teller.tell(score(CONTACT, T0_S, 42.0, 2), change(WELD, T0_S, -1, 4))
    text = (await client.get("/health")).text
    assert text.index("L4 Safety") < text.index("L2 Plan")
    assert text.count(">n/a<") == 4
    only = (await client.get("/health", params={"component": "PowerContactor"})).text
    assert "L2 Plan" not in only
    assert "/api/v1/health/worst?site=&amp;model=&amp;component=PowerContactor&amp;format=csv" in only
    assert "None of these" in (await client.get("/health", params={"site": "nowhere"})).text


async def test_the_fleets_page(client: httpx.AsyncClient, teller: Teller) -> None:
    assert "No gateway has told of a part yet" in (await client.get("/health/fleet")).text
    await teller.tell(score(CONTACT, T0_S + 90, 42.0, 3), *features(CONTACT, 3, t0_s=T0_S - 20_000))
    text = (await client.get("/health/fleet")).text
    assert "connector with cable" in text
    assert "1 to 1" in text


async def test_what_is_not_there(client: httpx.AsyncClient, teller: Teller) -> None:
    await teller.tell(change(WELD, T0_S, -1, 4))
    for path in ("/chargers/depot/none/health", "/chargers/harbour/CP-1/health", "/chargers/depot/CP-1/health?part=99"):
        assert (await client.get(path)).status_code == 404, path
