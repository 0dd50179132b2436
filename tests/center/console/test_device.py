"""This file watches pages while data arrives; it guards that live is live, history is history, and a gap is a gap."""

import json
import re
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import pytest
from playwright.async_api import FloatRect, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

OpenPage = Callable[..., Awaitable[Page]]
Until = Callable[[Page, str], Awaitable[None]]
CHARGER = "/chargers/depot/DC-01"
DRAWN = "document.querySelector('#chart-power [data-plot]').dataset.toMs"


class Center(Protocol):
    """What these tests use of the fixture."""

    url: str
    port: int
    t0_ms: int

    def running(self) -> AbstractAsyncContextManager["Center"]: ...
    def follow(self, other: "Center") -> None: ...
    async def fill(self) -> None: ...
    async def send(self, rows: int = 1) -> None: ...


async def _plot(page: Page, until: Until) -> FloatRect:
    """Give the box of the power chart's plotting area once its history is drawn."""
    await until(
        page,
        "document.querySelector('#chart-power [data-value]')?.textContent.endsWith('W')"
        " && !document.querySelector('#chart-power').classList.contains('is-loading')",
    )
    box = await page.locator("#chart-power .u-over").bounding_box()
    assert box is not None
    return box


async def test_a_live_chart_advances_every_second(center: Center, open_page: OpenPage, until: Until) -> None:
    page = await open_page(center.url + CHARGER + "#last=60")
    await _plot(page, until)
    await until(page, "document.querySelector('#link-word').textContent.startsWith('Live, ')")
    steps = await page.evaluate(
        f"""() => new Promise((done) => {{
          const seen = [];
          const timer = setInterval(() => {{
            const toMs = Number({DRAWN});
            if (seen[seen.length - 1]?.toMs !== toMs) seen.push({{ toMs, atMs: performance.now() }});
            if (seen.length === 4) {{ clearInterval(timer); done(seen); }}
          }}, 50);
        }})"""
    )
    moved_ms = steps[-1]["toMs"] - steps[0]["toMs"]
    took_ms = steps[-1]["atMs"] - steps[0]["atMs"]
    assert all(later["toMs"] > earlier["toMs"] for earlier, later in pairwise(steps))
    assert abs(moved_ms - took_ms) < 1500
    assert 1500 < took_ms < 8000
    assert await page.locator("#fact-newest time").get_attribute("title") != ""


async def test_rows_of_a_block_are_shown_one_a_second(center: Center, open_page: OpenPage) -> None:
    page = await open_page(center.url + "/ledger")
    shown = await page.evaluate(
        """async () => {
          const { Playhead } = await import("/static/js/playhead.js");
          const head = new Playhead(0);
          const rows = (from) => Array.from({ length: 10 }, (_, n) => ({ t_ms: (from + n) * 1000, values: {} }));
          rows(1).forEach((row) => head.take(row, 11_000));
          const out = [];
          for (let now = 11_000; now < 40_000; now += 250) {
            if (now === 21_000) rows(11).forEach((row) => head.take(row, now));
            if (now === 31_000) rows(21).forEach((row) => head.take(row, now));
            for (const row of head.advance(now)) out.push([now, row.t_ms]);
          }
          return out;
        }"""
    )
    assert [t_ms for _, t_ms in shown] == [n * 1000 for n in range(1, len(shown) + 1)]
    assert len(shown) >= 27
    gaps = {later - earlier for (earlier, _), (later, _) in pairwise(shown)}
    assert gaps == {1000}
    assert all(now >= t_ms for now, t_ms in shown)


async def test_a_drag_shows_that_stretch_and_escape_goes_back_to_live(
    center: Center, open_page: OpenPage, until: Until
) -> None:
    page = await open_page(center.url + CHARGER + "#last=3600")
    box = await _plot(page, until)
    y = box["y"] + box["height"] / 2
    drawn = "document.querySelector('#chart-power [data-plot]').dataset"
    # All there is, which grows as long as the center runs.
    span_ms = await page.evaluate(f"Number({drawn}.toMs) - Number({drawn}.fromMs)")
    await page.mouse.move(box["x"] + box["width"] * 0.75, y)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] * 0.85, y, steps=4)
    async with page.expect_request(lambda request: "/api/v1/series" in request.url) as asked:
        await page.mouse.up()
    query = (await asked.value).url
    await until(page, "location.hash.startsWith('#from=')")
    from_ms, to_ms = (int(part.split("=")[1]) for part in page.url.split("#")[1].split("&"))
    assert f"from_ms={from_ms}" in query
    assert 0.08 < (to_ms - from_ms) / span_ms < 0.12
    await expect(page.locator("#span")).to_have_text(re.compile("^History: "))
    for chart in ("power", "contacts"):
        shown = f"document.querySelector('#chart-{chart} [data-plot]').dataset"
        await until(page, f"{shown}.fromMs === '{from_ms}' && {shown}.toMs === '{to_ms}'")
    await page.keyboard.press("Escape")
    await expect(page.locator("#span")).to_have_text(re.compile(", all there is$"))
    assert page.url.endswith("#last=3600")


async def test_a_gap_is_drawn_as_a_gap_with_its_reason(center: Center, open_page: OpenPage, until: Until) -> None:
    hole_ms = center.t0_ms + 630_000
    address = f"#from={hole_ms - 100_000}&to={hole_ms + 100_000}"
    page = await open_page(center.url + CHARGER + address, scheme="light", ignore="willReadFrequently")
    await until(
        page,
        f"{DRAWN} === '{hole_ms + 100_000}' && document.querySelector('#chart-power [data-value]').textContent !== ''"
        " && !document.querySelector('#chart-power').classList.contains('is-loading')",
    )
    await page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    found = await page.evaluate(
        """() => {
          const canvas = document.querySelector("#chart-power canvas");
          const over = document.querySelector("#chart-power .u-over");
          const at = (share) => {
            const x = Math.round((over.offsetLeft + over.clientWidth * share) * devicePixelRatio);
            const column = canvas.getContext("2d").getImageData(x, over.offsetTop * devicePixelRatio, 1,
                                                                over.clientHeight * devicePixelRatio).data;
            let line = 0;
            let hatch = 0;
            for (let i = 0; i < column.length; i += 4) {
              const [r, g, b] = column.slice(i, i + 3);
              if (b > r + 60) line += 1;
              if (Math.abs(r - b) < 20 && r < 236 && r > 150 && column[i + 3] === 255) hatch += 1;
            }
            return { line, hatch };
          };
          return { before: at(0.2), inside: at(0.42), after: at(0.8) };
        }"""
    )
    assert found["before"]["line"] > 0
    assert found["after"]["line"] > 0
    assert found["inside"]["line"] == 0
    assert found["inside"]["hatch"] > 50
    assert found["before"]["hatch"] < found["inside"]["hatch"] / 3
    box = await page.locator("#chart-power .u-over").bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + box["width"] * 0.45, box["y"] + 40)
    for chart in ("power", "contacts"):
        await expect(page.locator(f"#chart-{chart} [data-value]").first).to_have_text("timeout")


async def test_the_keyboard_is_enough(center: Center, open_page: OpenPage, until: Until) -> None:
    page = await open_page(center.url)
    await page.keyboard.press("/")
    await page.keyboard.type("dc-0")
    await expect(page.locator("tr[data-charger]:visible")).to_have_count(1)
    await page.keyboard.type("x")
    await expect(page.locator("#filter-none")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("tr[data-charger]:visible")).to_have_count(2)
    await page.locator("tr[data-charger='DC-01'] a").focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/chargers/depot/DC-01")
    await _plot(page, until)
    plot = page.locator("#chart-power [data-plot]")
    await plot.focus()
    outline = await plot.evaluate("(element) => getComputedStyle(element).outlineStyle")
    assert outline == "solid"
    await page.keyboard.press("ArrowLeft")
    note = "document.querySelector('#chart-power [data-note]').textContent"
    await until(page, f"{note} !== ''")
    first = await page.evaluate(note)
    for _ in range(3):
        await page.keyboard.press("Shift+ArrowLeft")
    await until(page, f"{note} < {json.dumps(first)}")
    await page.keyboard.press("+")
    await expect(page.locator("#span")).to_have_text(re.compile("^History: "))
    await page.keyboard.press("Escape")
    await expect(page.locator("#span")).to_have_text(re.compile("^Live: "))


async def test_the_fleet_follows_without_a_reload(center: Center, open_page: OpenPage, until: Until) -> None:
    page = await open_page(center.url)
    await page.evaluate("window.marked = true")
    seen = "document.querySelector(\"tr[data-charger='DC-01'] [data-cell=seen] time\").dataset.ms"
    first = await page.evaluate(seen)
    await until(page, f"Number({seen}) > {first} + 1500")
    assert await page.evaluate("window.marked")
    await expect(page.locator("[data-stat=power]")).to_contain_text("kW")
    await expect(page.locator("tr[data-charger='DC-01'] .badge")).to_have_text("Charging")


async def test_a_lost_center_is_told_and_taken_up_again(
    make_center: Callable[..., Center], tmp_path: Path, open_page: OpenPage, until: Until
) -> None:
    folder = tmp_path / "center"
    async with make_center(folder).running() as center:
        await center.fill()
        page = await open_page(center.url + CHARGER, ignore="ERR_")
        await _plot(page, until)
        await until(page, "document.querySelector('#link').dataset.link === 'live'")
    lost = page.locator("#lost")
    await lost.wait_for(state="visible")
    await expect(lost).to_contain_text("The center has not answered since")
    await expect(page.locator("#link-word")).to_have_text("Center unreachable")
    again = make_center(folder, center.port)
    again.follow(center)
    async with again.running():
        await again.send(5)
        await lost.wait_for(state="hidden")
        newest = f"document.querySelector('#fact-newest time').dataset.ms === '{center.t0_ms + 1204_000}'"
        await until(page, newest)
        await page.goto("about:blank")
