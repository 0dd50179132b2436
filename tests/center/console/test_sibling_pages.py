"""This file compares chargers on a page; it guards that each sibling is named and that few of them say nothing."""

import time
from collections.abc import AsyncIterator, Callable

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from isolane.center.console.sibling_pages import sibling_pages
from isolane.center.kpis.reports import Reports
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.kpi_book import KpiBook
from isolane.center.store.people_views import Caller, Role
from isolane.center.store.port import Batch
from isolane.core.signals import Signal
from support.asked import OPEN, Asked
from support.gateways import FakeGateway

HOSTILE = "<img src=x onerror=alert(1)>"
NAMES = ("DC-1", "DC-2", "DC-3", "DC-4", HOSTILE)
KEY, STATE = "1.0/TemperatureSensor[Contact]/Temperature", "1.0/EVSE/xState"
MINUTES = 240


@pytest.fixture
def asked(kept: tuple[SqlCatalogue, EmbeddedTelemetry]) -> Asked:
    app = FastAPI()
    app.include_router(sibling_pages(kept[1], Reports(KpiBook(kept[0]), kept[1])))
    return Asked(app)


@pytest.fixture
async def client(asked: Asked) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url="http://test", transport=httpx.ASGITransport(asked)) as one:
        yield one


@pytest.fixture
async def kept(
    open_catalogue: Callable[[], SqlCatalogue], open_telemetry: Callable[[], EmbeddedTelemetry], gateway: FakeGateway
) -> tuple[SqlCatalogue, EmbeddedTelemetry]:
    """Four hours of five chargers, the first of which is 20 K hotter than the others and the last silent of it."""
    catalogue, telemetry = open_catalogue(), open_telemetry()
    t0_ms = (time.time_ns() // 60_000_000_000 - MINUTES) * 60_000
    signals = [signal for name in NAMES for signal in (Signal(name, KEY, "Celsius", 1), Signal(name, STATE, "", 1))]
    learnt = gateway.schema(*signals, received_ms=t0_ms)
    values = np.zeros((len(signals), MINUTES))
    codes = np.zeros(values.shape, np.uint8)
    for at in range(len(NAMES)):
        values[2 * at] = 60 if at == 0 else 40 + at
    codes[2 * (len(NAMES) - 1)] = 2 << 2 | 2
    block = gateway.block(learnt.schema, values, codes, t0_ms=t0_ms, step_ms=60_000)
    batch = Batch((block,), (learnt,))
    await catalogue.admit(learnt.origin)
    await telemetry.commit(batch)
    await catalogue.record(batch)
    return catalogue, telemetry


async def _name(catalogue: SqlCatalogue, *chargers: str, model: str = "HPC") -> None:
    for charger in chargers:
        await KpiBook(catalogue).add_nameplate(
            site="depot", charger=charger, from_ms=0, model=model, firmware="", rated_w=0, made_by="Ada"
        )


async def test_one_that_is_hotter_than_all_its_siblings(
    client: httpx.AsyncClient, kept: tuple[SqlCatalogue, EmbeddedTelemetry]
) -> None:
    await _name(kept[0], *NAMES)
    page = (await client.get("/chargers/depot/DC-1/siblings")).text
    assert "above all of them in" in page
    assert "the 3 other chargers of depot that are a HPC: DC-2, DC-3, DC-4 (of 4;" in page
    assert page.count('class="siblings-own" d="M') == 2
    assert "<td>Above</td>" in page
    assert "43.0" in page
    fragment = (await client.get("/fragments/siblings/depot/DC-2", params={"signal": KEY})).text
    assert "<html" not in fragment
    assert "below all of them in" in fragment
    for text in (page, fragment):
        for forbidden in (" style=", "<style", "javascript:", " onclick", "http://", "https://", "<img"):
            assert forbidden not in text, forbidden


async def test_names_are_texts(client: httpx.AsyncClient, kept: tuple[SqlCatalogue, EmbeddedTelemetry]) -> None:
    await _name(kept[0], *NAMES)
    page = (await client.get(f"/chargers/depot/{HOSTILE}/siblings")).text
    assert "<img" not in page
    assert "has no values of this signal" in page


async def test_of_fewer_than_three_nothing_is_said(
    client: httpx.AsyncClient, kept: tuple[SqlCatalogue, EmbeddedTelemetry]
) -> None:
    async def said(device: str = "DC-1") -> str:
        page = (await client.get(f"/fragments/siblings/depot/{device}")).text
        assert "<svg viewBox" not in page
        return page

    assert "/kpis/entries?site=depot&amp;charger=DC-1#nameplates" in await said()
    await _name(kept[0], "DC-1", "DC-2", "DC-3")
    assert "depot has 2 other chargers that are a HPC" in await said()
    await _name(kept[0], HOSTILE)
    assert "Only 2 of 3 siblings sent this signal" in await said()
    await _name(kept[0], "DC-4", model="another")
    assert "depot has 0 other chargers that are a another" in await said("DC-4")


async def test_what_is_not_there(client: httpx.AsyncClient, asked: Asked) -> None:
    for path in ("/chargers/depot/DC-9/siblings", "/chargers/harbour/DC-1/siblings"):
        assert (await client.get(path)).status_code == 404
    for signal in ("1.0/Nothing/Here", STATE):
        assert (await client.get("/fragments/siblings/depot/DC-1", params={"signal": signal})).status_code == 404
    asked.who = Caller("Ada", Role.VIEWER, frozenset(), frozenset())
    assert "Nobody has said which model" in (await client.get("/fragments/siblings/depot/DC-1")).text
    assert OPEN.sites is None
