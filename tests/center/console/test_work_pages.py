"""This file reads the page of commands; it guards that it promises nothing and offers no button."""

import time
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from fastapi import FastAPI

from isolane.center.console.work_pages import work_pages
from isolane.center.store.alert_book import SqlAlerts
from isolane.center.store.alert_port import Decisions, Opening
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.people_views import Caller, Role
from support.asked import Asked

HOSTILE = "<img src=x onerror=alert(1)>"
NOW_MS = time.time_ns() // 1_000_000


def _opening(site: str, device: str, level: int, action: str) -> Opening:
    subject = f"charger/{site}/{device}"
    return Opening(
        f"rule-{level}", subject, site, device, "", level, f"Level {level}", "seen", "why", action, "Filter mat"
    )


@pytest.fixture
def alerts(open_catalogue: Callable[[], SqlCatalogue]) -> SqlAlerts:
    return SqlAlerts(open_catalogue())


@pytest.fixture
def asked(alerts: SqlAlerts) -> Asked:
    app = FastAPI()
    app.include_router(work_pages(alerts))
    return Asked(app)


@pytest.fixture
async def client(asked: Asked) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url="http://test", transport=httpx.ASGITransport(asked)) as one:
        yield one


async def test_the_empty_page_says_what_will_stand_there_and_offers_no_button(client: httpx.AsyncClient) -> None:
    page = (await client.get("/commands")).text
    main = page.partition("<main")[2]
    assert "This center sends no commands yet" in page
    assert "Nothing is to be done" in page
    assert "<button" not in main
    assert "<form" not in main
    assert 'aria-current="page"' in page


async def test_what_is_to_be_done_stands_by_site_the_worst_first(
    client: httpx.AsyncClient, asked: Asked, alerts: SqlAlerts
) -> None:
    openings = [
        _opening("harbour", "C", 2, "Tighten it"), _opening("depot", "A", 4, HOSTILE),
        _opening("depot", "B", 1, "Watch it"), _opening("harbour", "D", 3, "Clean it"),
        _opening("", "", 3, "Look at the broker"),
    ]  # fmt: skip
    await alerts.decide(Decisions(openings=openings), (), NOW_MS)
    await alerts.assign(1, "mona", "jens", NOW_MS)
    page = (await client.get("/commands")).text
    order = ["To do at depot", "&lt;img", "To do at", "Look at the broker", "Clean it", "Tighten it", "jens does it"]
    places = [page.index(word) for word in order if word != "To do at"]
    assert places == sorted(places)
    assert "Watch it" not in page
    assert "<img" not in page
    asked.who = Caller("Ada", Role.VIEWER, frozenset({"south"}), frozenset({"harbour"}))
    page = (await client.get("/commands")).text
    assert "Clean it" in page
    assert "depot" not in page
    await alerts.close_by_hand(4, "mona", "done", NOW_MS)
    assert "Clean it" not in (await client.get("/commands")).text
