"""This file opens an incident report in Chromium; it guards that anybody can read what was before the trigger."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from bench.screenshots.browser import ARGUMENTS, CHROMIUM
from playwright.async_api import Browser, async_playwright

from isolane.cli.main import main
from support.black_boxes import CURRENT, Plant, settings

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

AXE = Path(__file__).parents[2] / "frontend/node_modules/axe-core/axe.min.js"
_JUDGE = """async () => (await axe.run(document, { resultTypes: ["violations"] })).violations
  .filter((one) => ["serious", "critical"].includes(one.impact))
  .map((one) => `${one.id}: ${one.nodes[0].failureSummary}`)"""
_BEFORE = """() => {
  const figure = [...document.querySelectorAll("figure")].find((one) => one.textContent.includes("EVSE/DCCurrent"));
  const mark = figure.querySelector(".mark").getBoundingClientRect().left;
  const line = figure.querySelector(".line").getBoundingClientRect();
  return [mark - line.left, line.right - mark, line.height];
}"""
_PIXELS_MIN = 50


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for the file."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        await chromium.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Gives the report of a contactor that opened under load."""
    folder = tmp_path_factory.mktemp("report")
    plant = Plant(folder / "box", settings(before_s=40, after_s=20))
    plant.run(40)
    plant.is_closed, plant.is_bursting = False, True
    plant.run(30)
    assert main(["blackbox", "export", str(plant.files()[0]), "--html", str(folder / "report.html")]) == 0
    return folder / "report.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_shows_what_was_before_the_trigger(browser: Browser, report: Path, scheme: str) -> None:
    dark = scheme == "dark"
    context = await browser.new_context(
        viewport={"width": 390 if dark else 1280, "height": 844}, color_scheme="dark" if dark else "light"
    )
    await context.add_init_script(path=AXE)
    page = await context.new_page()
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    await page.goto(report.as_uri())
    assert "contactor-under-load" in await page.locator("h1").inner_text()
    before, after, height = await page.evaluate(_BEFORE)
    assert before > _PIXELS_MIN
    assert after > _PIXELS_MIN / 2
    assert height > _PIXELS_MIN / 4
    first = await page.locator("tbody").nth(2).locator("tr").first.inner_text()
    assert CURRENT in first
    assert await page.evaluate(_JUDGE) == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= (390 if dark else 1280)
    await context.close()
    assert heard == []
