"""This file looks at the pages of figures in a real browser and on paper; it guards that they say what the API says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import numpy as np
import pytest
import pytest_asyncio
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from playwright.async_api import Page

from isolane.center.api.guard import Guard
from isolane.center.console import STATIC, formats
from isolane.center.console.kpi_pages import around, hours, kpi_pages, minutes, percent, port_link
from isolane.center.kpis.keeper import KpiKeeper
from isolane.center.kpis.reports import Reports
from isolane.center.kpis.response import ResponseTimes
from isolane.center.serve import WebServer
from isolane.center.store.alert_book import SqlAlerts
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.database import open_database
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.kpi_book import KpiBook
from isolane.center.store.kpi_views import ExclusionReason
from isolane.center.store.settings import StoreSettings
from isolane.config.values import Address
from support.asked import Asked
from support.kpi_world import DAY_MS, FIRST_DAY, LINK, STATE, TRANSACTION, World
from support.patience import PATIENCE_S

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

OpenPage = Callable[..., Awaitable[Page]]
HOSTILE = "<img src=x onerror=alert(1)>"
ROWS = 2 * 1440


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def kpi_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Pages over a store with two chargers; the first day of September is computed."""
    folder = tmp_path_factory.mktemp("kpis")
    catalogue = SqlCatalogue(open_database(folder / "catalogue.sqlite3"))
    telemetry = EmbeddedTelemetry(folder / "telemetry", StoreSettings())
    book = KpiBook(catalogue)
    keeper, reports = KpiKeeper(catalogue, telemetry, book), Reports(book, telemetry)
    world = World(catalogue, telemetry, book, telemetry, keeper, reports)
    state, transaction = np.zeros(ROWS), np.zeros(ROWS)
    state[1500:1560], state[1800:1830], transaction[1805:1825] = 4, 2, 1
    for charger in ("CP-1", HOSTILE):
        tracks = {LINK: np.ones(ROWS), STATE: state, TRANSACTION: transaction}
        await world.lay(charger, FIRST_DAY * DAY_MS, tracks, step_ms=60_000)
    await keeper.compute((FIRST_DAY + 2) * DAY_MS + 3_600_000)
    begin = (FIRST_DAY + 1) * DAY_MS
    why = (ExclusionReason.VANDALISM, "<b>report</b> of the police")
    await reports.exclude(("depot", HOSTILE, 0), (begin, begin + DAY_MS), why, "<i>Ada</i>")
    app = FastAPI()
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.include_router(kpi_pages(reports, ResponseTimes(book, SqlAlerts(catalogue))))
    server = WebServer("test", Guard(Asked(app)), Address("127.0.0.1", 0))
    serving = asyncio.create_task(server.run())
    yield f"http://{server.address}"
    server.stop()
    await serving
    await telemetry.close()
    await catalogue.close()


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_pages_fit_and_hold_device_texts_as_text(
    kpi_url: str, open_page: OpenPage, scheme: str, width: int
) -> None:
    page = await open_page(f"{kpi_url}/kpis?month=2026-09", width=width, scheme=scheme)
    assert await page.locator("h1").inner_text() == "KPIs 2026-09"
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await page.get_by_role("link", name=f"depot / {HOSTILE} / 1").click()
    await page.locator("h1", has_text=HOSTILE).wait_for()
    await page.wait_for_load_state("load")  # with its style sheets
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    assert await page.locator("main img, main i, main td b").count() == 0
    assert await page.get_by_role("cell", name="<b>report</b> of the police").count() == 1
    faulted = page.get_by_role("row").filter(has_text="Faulted")
    assert await faulted.get_by_role("cell").last.inner_text() == "vandalism"


async def test_the_report_prints(kpi_url: str, open_page: OpenPage) -> None:
    page = await open_page(f"{kpi_url}/kpis?month=2026-09")
    assert await page.locator(".top").is_visible()
    await page.emulate_media(media="print")
    for hidden in (".top", ".foot", ".kpi-nav >> nth=0", ".kpi-csv >> nth=0", ".kpi-csv >> nth=1"):
        assert not await page.locator(hidden).is_visible(), hidden
    assert await page.locator(".kpi-table").is_visible()
    assert (await page.pdf(prefer_css_page_size=True)).startswith(b"%PDF")


async def test_groups_months_and_what_is_not_there(kpi_url: str) -> None:
    async with httpx.AsyncClient(base_url=kpi_url, timeout=PATIENCE_S) as client:
        answers = {
            "/kpis": 200,
            "/kpis?month=2026-09&by=site": 200,
            "/kpis?month=2025-01": 200,
            "/kpis?month=2026-13": 404,
            "/kpis?month=2026-09&by=colour": 404,
            "/kpis/port?month=2026-09&site=depot&charger=CP-1&port=1": 200,
            "/kpis/port?month=2026-09&site=depot&charger=CP-1&port=9": 404,
            "/kpis/port?month=2026-09&site=depot&charger=CP-1&port=x": 404,
            "/kpis/port": 404,
            "/kpis/response": 200,
            "/kpis/response?month=2026-09": 200,
            "/kpis/response?month=soon": 404,
        }
        for path, status in answers.items():
            answer = await client.get(path)
            assert answer.status_code == status, path
            for forbidden in (" style=", "<style", "javascript:", " onclick", "http://", "https://"):
                assert forbidden not in answer.text, (path, forbidden)
        assert "No figures of this month" in (await client.get("/kpis?month=2025-01")).text
        assert "No alarm and no failure" in (await client.get("/kpis/response?month=2025-01")).text
        assert "no field says that nothing was found" in (await client.get("/kpis/response?month=2026-09")).text
        assert "First attempt" in (await client.get("/kpis/port?month=2026-09&site=depot&charger=CP-1&port=1")).text


async def test_words() -> None:
    thin = formats.THIN
    assert [percent(value) for value in (None, 100.0, 99.999, 97.0001, 0.0)] == [
        formats.NOTHING, f"100.00{thin}%", f"99.99{thin}%", f"97.00{thin}%", f"0.00{thin}%"
    ]  # fmt: skip
    assert [hours(value) for value in (None, 0.5, 48.0)] == [formats.NOTHING, f"30{thin}min", f"2{thin}d"]
    assert [minutes(value) for value in (None, 0.5, 90)] == ["n/a", f"30{thin}s", f"1{thin}h 30{thin}min"]
    assert around("2026-01") == ("2025-12", "2026-02")
    assert around("2026-12") == ("2026-11", "2027-01")
    assert port_link("2026-09", "a/b", "C&D", 2) == "/kpis/port?month=2026-09&site=a%2Fb&charger=C%26D&port=2"
