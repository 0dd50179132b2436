"""This file tests the pages about alerts; it guards that a charger's texts are text, and a form does its work."""

import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Page

from isolane.center.console.alarms import worst_first
from isolane.center.store.alert_book import SqlAlerts
from isolane.center.store.alert_port import Decisions, Opening
from isolane.center.store.catalogue import SqlCatalogue
from support.patience import PATIENCE_S

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

OpenPage = Callable[..., Awaitable[Page]]
HOSTILE = "<img src=x onerror=alert(1)>"
MILD = Opening("drift", "charger/depot/B", "depot", "B", "", 1, "Radio weak", "-110 dBm", "why", "what", "")
BAD = Opening("hot", f"charger/depot/{HOSTILE}", "depot", HOSTILE, "", 4, f"{HOSTILE} hot", "91 °C", "w", "a", "Cable")


class Center(Protocol):
    """What these tests use of the fixture."""

    url: str
    catalogue: SqlCatalogue

    def running(self) -> AbstractAsyncContextManager["Center"]: ...


@pytest_asyncio.fixture(loop_scope="session")
async def alarming(make_center: Callable[..., Center], tmp_path: Path) -> AsyncIterator[Center]:
    """A center of its own with two alerts."""
    async with make_center(tmp_path / "alarming").running() as center:
        openings = [MILD, BAD]
        await SqlAlerts(center.catalogue).decide(Decisions(openings=openings), (), time.time_ns() // 1_000_000 - 90_000)
        yield center


@pytest.mark.parametrize("width", [1440, 390])
async def test_the_worst_stands_first_and_texts_are_text(alarming: Center, open_page: OpenPage, width: int) -> None:
    page = await open_page(alarming.url + "/alarms", width=width)
    assert await page.locator("h1").inner_text() == "Alarms"
    titles = await page.locator(".alarm-title").all_inner_texts()
    assert titles == [f"{HOSTILE} hot", "Radio weak"]
    assert await page.locator("img").count() == 0
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await page.get_by_role("link", name=f"{HOSTILE} hot").click()
    await page.locator(".alarm-facts").wait_for()
    assert await page.locator("h1").inner_text() == f"{HOSTILE} hot"
    assert await page.locator("img").count() == 0
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await page.goto("about:blank")


async def test_a_person_works_on_an_alarm(alarming: Center, open_page: OpenPage) -> None:
    page = await open_page(alarming.url + "/alarms")
    await page.get_by_role("link", name="Radio weak").click()
    await page.get_by_label("Comment or reason").fill(HOSTILE)
    await page.get_by_role("button", name="Acknowledge").click()
    await page.get_by_role("cell", name="Acknowledged").wait_for()
    assert await page.get_by_role("cell", name=HOSTILE).count() == 1
    await page.get_by_label("Whose it is").fill("bob")
    await page.get_by_role("button", name="Assign").click()
    await page.get_by_text("Assigned: bob").wait_for()
    await page.get_by_role("button", name="Close").click()
    await page.get_by_role("cell", name="Closed").wait_for()
    assert await page.get_by_role("button", name="Close").count() == 0
    await page.get_by_role("navigation").get_by_role("link", name="Alarms").click()
    await page.get_by_role("heading", name="Closed lately").wait_for()
    await page.goto("about:blank")


async def test_forms_say_what_they_need(alarming: Center) -> None:
    async with httpx.AsyncClient(base_url=alarming.url, follow_redirects=True, timeout=PATIENCE_S) as client:
        listing = (await client.get("/alarms")).text
        path = re.findall(r'href="(/alarms/\d+)"', listing)[0]

        async def send(path: str = path, **form: str) -> httpx.Response:
            return await client.post(path, data=form, headers={"sec-fetch-site": "same-origin"})

        assert "needs a text" in (await send(action="comment", text=" ")).text
        assert "needs a time and a reason" in (await send(action="silence", hours="3", text="x")).text
        assert "nothing that can be done" in (await send(action="delete")).text
        silenced = await send(action="silence", hours="4", text="works")
        assert (silenced.status_code, "Silenced" in silenced.text) == (200, True)
        assert (await send(action="close")).status_code == 200
        assert "is closed" in (await send(action="ack")).text
        for missing in ("/alarms/999", "/alarms/x", "/alarms/-1"):
            assert (await client.get(missing)).status_code == 404
        assert (await send("/alarms/999", action="ack")).status_code == 404
        assert "style=" not in listing


async def test_what_nobody_has_stands_before_what_is_silenced(alarming: Center) -> None:
    alerts = SqlAlerts(alarming.catalogue)
    mild, bad = await alerts.standing()
    await alerts.assign(bad.number, "eve", "bob", 1)
    rows = worst_first(await alerts.standing())
    assert [row.alert.number for row in rows] == [mild.number, bad.number]
