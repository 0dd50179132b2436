"""This file goes through every page there is; it guards that all can be read by anybody, with no mouse too.

The pages are those of the application's own route table, shown over a center in which one of everything has happened
(`bench.screenshots.scene`), with texts of devices that try to be markup.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import pytest
import pytest_asyncio
from bench.screenshots.browser import ARGUMENTS, CHROMIUM, log_in, settled
from bench.screenshots.pages import EXAMPLES, pages
from bench.screenshots.scene import CHARGER, HOSTILE, PASSWORD, Scene, gateways, served
from playwright.async_api import Browser, Page, async_playwright

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

AXE = Path(__file__).parents[2] / "frontend/node_modules/axe-core/axe.min.js"
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
ZONE = "Australia/Adelaide"
Scheme = Literal["light", "dark"]
_WATCH = (
    "window.forbidden = []; addEventListener('securitypolicyviolation', (e) => forbidden.push(e.violatedDirective));"
)
_REFUSED = re.compile(r"status of 40[34]")
"""What is not there, and what only users may see while there are none, is said by a page and by its status."""
_FOCUSABLE = """() => {
  const all = document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']");
  const seen = [...all].filter((one) => one.checkVisibility() && !one.disabled);
  window.walked = new Map(seen.map((one, at) => [one, at]));
  return seen.length;
}"""
_FOCUSED = """() => {
  const one = document.activeElement;
  if (!one || one === document.body) return null;
  const rings = [getComputedStyle(one), getComputedStyle(one, "::after")];
  const box = one.getBoundingClientRect();
  const top = document.querySelector(".top").getBoundingClientRect().bottom;
  return {
    tab: walked.get(one) ?? -1,
    what: one.outerHTML.slice(0, 120),
    ringed: rings.some((ring) => ring.outlineStyle !== "none" && parseFloat(ring.outlineWidth) >= 2),
    covered: one.closest(".top") === null && !one.matches(".skip") && box.bottom <= top,
  };
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for the file."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        await chromium.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """A center with everything, whose first charger has a hostile name."""
    async with served(tmp_path_factory.mktemp("scene") / "data", gateways(hours=1.5, hostile=True)) as one:
        yield one


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def nothing(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """A center that has received nothing yet."""
    async with served(tmp_path_factory.mktemp("nothing") / "data", []) as one:
        yield one


def _paths(scene: Scene) -> list[str]:
    """List the pages, with the hostile charger in place of the good one."""
    return [page.path.replace(CHARGER, quote(HOSTILE)) for page in pages(scene.routes)]


@asynccontextmanager
async def _tab(browser: Browser, scene: Scene, size: str, scheme: Scheme) -> AsyncIterator[Page]:
    """Open a tab that must hear no error, no warning, no dialog and no violation of the policy."""
    width, height = SIZES[size]
    context = await browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, timezone_id=ZONE, reduced_motion="reduce"
    )
    await context.add_init_script(_WATCH)
    await context.add_init_script(path=AXE)
    page = await context.new_page()
    await log_in(page, scene.url, scene.user, PASSWORD)
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("dialog", lambda dialog: heard.append(f"dialog {dialog.message}"))
    yield page
    await context.close()
    assert [text for text in heard if not _REFUSED.search(text)] == []


async def _judged(page: Page) -> list[str]:
    """Give axe-core's findings that keep somebody from using the page."""
    found: dict[str, Any] = await page.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{one['impact']} {one['id']}: {node['target']} {node['failureSummary']}"
        for one in found["violations"]
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ]


async def test_every_route_has_its_page(scene: Scene) -> None:
    found = _paths(scene)
    assert {"/", "/ledger", "/nowhere", f"/chargers/hafen-depot/{quote(HOSTILE)}"} <= set(found)
    assert len(found) >= len(EXAMPLES)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious(browser: Browser, scene: Scene, size: str, scheme: Scheme) -> None:
    async with _tab(browser, scene, size, scheme) as page:
        for path in _paths(scene):
            await page.goto(scene.url + path)
            await settled(page)
            assert await _judged(page) == [], path
            assert await page.evaluate("forbidden") == [], path
            assert await page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0], path
            assert await page.locator("main img").count() == 0, path


async def test_an_empty_center_is_as_readable(browser: Browser, nothing: Scene) -> None:
    async with _tab(browser, nothing, "desktop", "light") as page:
        for path in [one.path for one in pages(nothing.routes) if "/chargers/" not in one.path]:
            await page.goto(nothing.url + path)
            await settled(page)
            assert await _judged(page) == [], path
            assert await page.evaluate("forbidden") == [], path
            assert len(await page.locator("main").inner_text()) > 40, path


@pytest.mark.parametrize("size", SIZES)
async def test_every_page_can_be_walked_by_keyboard(browser: Browser, scene: Scene, size: str) -> None:
    async with _tab(browser, scene, size, "light") as page:
        for path in _paths(scene):
            await page.goto(scene.url + path)
            await settled(page)
            count = await page.evaluate(_FOCUSABLE)
            # A page may begin in a field of its own; the walk then goes around from there.
            seen: list[int] = []
            while len(seen) <= count:
                focused = await page.evaluate(_FOCUSED)
                if focused is not None and focused["tab"] in seen:
                    break
                if focused is not None:
                    assert focused["ringed"], (path, focused["what"])
                    assert not focused["covered"], (path, focused["what"])
                    seen.append(focused["tab"])
                await page.keyboard.press("Tab")
            assert seen == [*range(seen[0], count), *range(seen[0])], (path, focused)
            await page.keyboard.press("Escape")


async def test_the_skip_link_leads_to_the_content(browser: Browser, scene: Scene) -> None:
    async with _tab(browser, scene, "desktop", "light") as page:
        for path in _paths(scene):
            await page.goto(scene.url + path)
            await settled(page)
            await page.evaluate("document.activeElement.blur()")
            while await page.evaluate("document.activeElement.className") != "skip":
                await page.keyboard.press("Shift+Tab")
            await page.keyboard.press("Enter")
            assert await page.evaluate("document.activeElement.id") == "content", path
            await page.keyboard.press("Tab")
            focused = await page.evaluate(
                "document.activeElement === document.body || !document.activeElement.closest('.top')"
            )
            assert focused, path


async def test_times_are_in_the_viewers_zone_with_utc_on_hover(browser: Browser, scene: Scene) -> None:
    async with _tab(browser, scene, "desktop", "light") as page:
        for path in _paths(scene):
            await page.goto(scene.url + path)
            await settled(page)
            assert await page.locator("#zone").inner_text() == ZONE
            # Half an hour off every whole zone: a time that is shown in UTC has other minutes.
            wrong = await page.evaluate(
                """(zone) => [...document.querySelectorAll("main time")].filter((time) => {
                  const own = new Date(Number(time.dataset.ms));
                  const clock = own.toLocaleTimeString("en-GB", { timeZone: zone });
                  const utc = own.toISOString().slice(0, 19).replace("T", " ") + " UTC";
                  return time.title !== utc || (time.dataset.form !== "age" && !time.textContent.endsWith(clock));
                }).map((time) => time.outerHTML)""",
                ZONE,
            )
            assert wrong == [], path


async def test_hostile_texts_are_shown_as_they_are(browser: Browser, scene: Scene) -> None:
    async with _tab(browser, scene, "phone", "dark") as page:
        await page.goto(scene.url)
        await settled(page)
        assert await page.get_by_role("link", name=HOSTILE).count() == 1
        await page.goto(f"{scene.url}/chargers/hafen-depot/{quote(HOSTILE)}")
        await settled(page)
        assert await page.locator("h1").inner_text() == HOSTILE
        await page.goto(f"{scene.url}/ledger")
        assert await page.get_by_role("cell", name="<b>lost</b>").count() >= 1


async def test_a_table_stays_where_it_is_while_it_is_read_again(browser: Browser, scene: Scene) -> None:
    async with _tab(browser, scene, "phone", "light") as page:
        await page.goto(f"{scene.url}/ledger")
        await settled(page)
        table = page.locator("#books .wide").first
        await table.focus()
        await table.evaluate("(one) => { one.scrollLeft = 40; one.dataset.old = 'yes'; }")
        await page.locator("#books .wide[data-old]").wait_for(state="detached")
        assert await page.evaluate("document.activeElement.className") == "wide"
        assert await page.evaluate("document.activeElement.scrollLeft") == 40


async def test_a_thinned_stretch_is_marked_and_told(browser: Browser, scene: Scene) -> None:
    async with _tab(browser, scene, "desktop", "light") as page:
        await page.goto(f"{scene.url}/chargers/hafen-depot/{quote(HOSTILE)}#last=3600")
        await settled(page)
        assert await page.locator("#chart-current [data-note]").inner_text() == "Thinned where marked"
        drawn = await page.evaluate(
            """async () => {
              const { Track } = await import("/static/js/track.js");
              const track = new Track([{ key: "a" }]);
              const told = (t) => ({ t_ms: t, mean: 5, min: 4, max: 6, good: 1 });
              const points = [1000, 2000, 3000, 4000].map(told);
              const list = (name) => [name, points.map((one) => one[name])];
              const lists = Object.fromEntries(Object.keys(points[0]).map(list));
              track.load({ step_ms: 1000, signals: [{ signal: "a", ...lists, gaps: [],
                thinned: [{ from_ms: 2000, to_ms: 4000, rungs: ["bounded"], bound: 0.5 }] }] });
              const [, mean, , most, least] = track.arrays();
              return { mean, most, least, ranges: track.thinnedRanges() };
            }"""
        )
        assert drawn["mean"] == [5, 5, 5, 5]
        assert drawn["most"] == [6, 6.5, 6.5, 6]
        assert drawn["least"] == [4, 3.5, 3.5, 4]
        assert drawn["ranges"] == [{"from": 2, "to": 4, "rungs": ["bounded"]}]
        inks = await page.evaluate(
            """() => {
              const canvas = document.querySelector("#chart-current canvas");
              const over = document.querySelector("#chart-current .u-over");
              const y = (over.offsetTop + 1) * devicePixelRatio;
              const row = canvas.getContext("2d").getImageData(over.offsetLeft, y, over.clientWidth, 1).data;
              let marked = 0;
              const isInk = (i) => row[i] === 122 && row[i + 1] === 94 && row[i + 2] === 168;
              for (let i = 0; i < row.length; i += 4) marked += isInk(i);
              return marked / over.clientWidth;
            }"""
        )
        # Ten minutes bounded, six on the deadband and five summed up, of the last sixty.
        assert 0.3 < inks < 0.4


async def test_the_features_behind_a_score_are_drawn_and_told(browser: Browser, scene: Scene) -> None:
    async with _tab(browser, scene, "desktop", "light") as page:
        await page.goto(f"{scene.url}/chargers/hafen-depot/{quote(HOSTILE)}/health")
        await page.get_by_role("link", name="Contact DC+").first.click()
        await settled(page)
        plot = page.locator("#plot")
        await plot.locator("canvas").wait_for()
        note = page.locator("#evidence-note")
        assert "240 features with one standard deviation" in await note.inner_text()
        await plot.focus()
        await page.keyboard.press("ArrowLeft")
        newest = await note.inner_text()
        assert re.search(r": 0\.0015\d* \u00b1 0\.00005 K/A2$", newest), newest
        await page.keyboard.press("ArrowLeft")
        assert await note.inner_text() != newest
        await page.locator("#evidence-numbers").click()
        assert await page.get_by_role("region", name="Features in numbers, scrolls").locator("tbody tr").count() == 200
