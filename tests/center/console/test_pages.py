"""This file looks at every page in a real browser; it guards that none breaks the policy or its layout."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

import httpx
import pytest
from playwright.async_api import Page

from isolane.center.console import markup
from isolane.center.store import worst_first
from support.patience import PATIENCE_S

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

OpenPage = Callable[..., Awaitable[Page]]
Until = Callable[[Page, str], Awaitable[None]]
ReadAgain = Callable[[str, str, str], Awaitable[Page]]
HOSTILE = "<img src=x onerror=alert(1)>"
PAGES = {
    "/": "Fleet",
    "/ledger": "Ledger",
    "/chargers/depot/DC-01": "DC-01",
    "/chargers/depot/gateway:gw-1": "Gateway gw-1",
    "/nowhere": "Not here",
}
WIDTHS = {"desktop": 1440, "phone": 390}
SURFACES = {"light": "rgb(242, 245, 246)", "dark": "rgb(11, 17, 21)"}

_WATCH = """(focused) => {
  window.held = document.querySelector(focused);
  held.focus();
  window.swaps = 0;
  window.blurred = 0;
  held.addEventListener("blur", () => { blurred += 1; });
  document.body.addEventListener("htmx:afterSettle", () => { swaps += 1; });
}"""
_KEEP = """async ([before, after, focused]) => {
  const { keep } = await import("/static/js/refresh.js");
  const box = document.createElement("div");
  box.innerHTML = before;
  document.body.append(box);
  const held = box.querySelector(focused);
  held.focus();
  const fresh = document.createElement("template");
  fresh.innerHTML = after;
  const added = keep(box, fresh.content);
  const out = [box.innerHTML, document.activeElement === held && held.isConnected, added.length];
  box.remove();
  return out;
}"""
_AGAIN = """(fragment) => {
  const target = document.querySelector(`[hx-get="/fragments/${fragment}"]`);
  htmx.ajax("GET", `/fragments/${fragment}`, { source: target, target });
}"""
_A, _B, _C = (f'<p data-key="{name}"><a href="/{name}">{name}</a> 1</p>' for name in "abc")


class Center(Protocol):
    """What these tests use of the fixture."""

    url: str

    def running(self) -> AbstractAsyncContextManager["Center"]: ...


@pytest.mark.parametrize("size", WIDTHS)
@pytest.mark.parametrize("scheme", SURFACES)
async def test_every_page_fits_in_every_theme(center: Center, open_page: OpenPage, scheme: str, size: str) -> None:
    page = await open_page(center.url, width=WIDTHS[size], scheme=scheme, ignore="404")
    for path, title in PAGES.items():
        await page.goto(center.url + path)
        await page.wait_for_load_state("load")
        assert (await page.locator("h1").inner_text()) == title
        assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == SURFACES[scheme]
        assert await page.evaluate("document.documentElement.scrollWidth") <= WIDTHS[size], path
        if "chargers" in path:
            await page.locator(".uplot canvas").first.wait_for()


async def test_device_texts_are_text(center: Center, open_page: OpenPage) -> None:
    page = await open_page(center.url)
    link = page.get_by_role("link", name=HOSTILE)
    await link.wait_for()
    assert await page.locator("img").count() == 0
    await link.click()
    await page.locator(".uplot canvas").first.wait_for()
    assert await page.locator("h1").inner_text() == HOSTILE
    assert HOSTILE in await page.title()
    await page.goto(center.url + "/ledger")
    assert await page.get_by_role("cell", name="<b>lost</b>").count() == 1
    assert await page.get_by_role("cell", name="<i>torn</i>").count() == 1


async def test_no_page_holds_what_the_policy_forbids(center: Center) -> None:
    async with httpx.AsyncClient(base_url=center.url, timeout=PATIENCE_S) as client:
        for path in PAGES:
            answer = await client.get(path)
            policy = answer.headers["content-security-policy"]
            assert policy.startswith("default-src 'self';")
            assert "unsafe" not in policy
            for forbidden in (" style=", "<style", "javascript:", " onclick", "http://", "https://"):
                assert forbidden not in answer.text, (path, forbidden)
            assert answer.text.count("<script") == answer.text.count("<script src=") + answer.text.count(
                '<script type="module" src='
            )


async def test_missing_pages_say_so(center: Center) -> None:
    async with httpx.AsyncClient(base_url=center.url, timeout=PATIENCE_S) as client:
        for path in ("/nowhere", "/chargers/depot/none", "/chargers/none/DC-01", "/chargers/depot/gateway:none"):
            answer = await client.get(path)
            assert answer.status_code == 404
            assert "Go to the fleet" in answer.text
        assert (await client.get("/<script>alert(1)</script>")).text.count("<script>") == 0
        assert (await client.get("/api/v1/none")).headers["content-type"] == "application/problem+json"


async def test_an_empty_center_says_what_to_do(
    make_center: Callable[..., Center], tmp_path: Path, open_page: OpenPage
) -> None:
    async with make_center(tmp_path / "empty").running() as empty:
        page = await open_page(empty.url)
        assert "No gateway has reported yet" in await page.locator("main").inner_text()
        await page.goto(empty.url + "/ledger")
        assert "No books yet" in await page.locator("main").inner_text()
        await page.goto("about:blank")


async def test_what_is_not_on_the_first_page_is_found_without_script_and_with_it(
    center: Center, open_page: OpenPage, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worst_first, "ROWS_MAX", 1)
    async with httpx.AsyncClient(base_url=center.url, timeout=PATIENCE_S) as client:
        first, second = (await client.get("/")).text, (await client.get("/?page=2")).text
        assert [text.count("data-charger=") for text in (first, second)] == [1, 1]
        assert ('href="/?page=2"' in first, 'href="/?page=1"' in second) == (True, True)
        other = "dc-01" if 'data-charger="DC-01"' in second else "img"
        found = (await client.get("/", params={"q": other})).text
        assert "data-charger=" in found
        assert 'rel="next"' not in found
        assert (await client.get("/", params={"page": "0"})).status_code == 422
    page = await open_page(center.url)
    await page.keyboard.press("/")
    await page.keyboard.type(other)
    await until(page, "document.querySelector('.pages') === null")
    assert await page.locator("tr[data-charger]").count() == 1
    assert page.url.endswith(f"?q={other}")
    await page.keyboard.press("Escape")
    await page.get_by_role("link", name="Next").first.click()
    await page.wait_for_url("**/?page=2")
    assert "Chargers 2 to 2 of 2" in await page.locator("nav.pages").inner_text()


async def test_the_theme_is_kept_and_set_before_the_first_paint(center: Center, open_page: OpenPage) -> None:
    page = await open_page(center.url, scheme="light")
    await page.add_init_script(
        "document.addEventListener('readystatechange',"
        " () => { window.early ??= document.documentElement.dataset.theme; })"
    )
    for word in ("light", "dark"):
        await page.locator("#theme").click()
        assert await page.evaluate("localStorage.getItem('isolane-theme')") == word
    await page.reload()
    assert await page.evaluate("window.early") == "dark"
    assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == SURFACES["dark"]
    assert await page.locator("#theme").get_attribute("aria-label") == "Theme: dark"
    await page.locator("#theme").click()
    assert await page.evaluate("document.documentElement.dataset.theme ?? 'auto'") == "auto"


async def test_without_the_libraries_the_page_says_why_there_are_no_charts(
    center: Center, open_page: OpenPage, until: Until, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(markup, "STATIC", tmp_path)
    page = await open_page(center.url + "/chargers/depot/DC-01")
    assert "make frontend" in await page.locator(".banner.note").inner_text()
    assert await page.locator(".chart").count() == 0
    value = page.locator("tr[data-key='1.0/EVSE/Power'] [data-cell=value]")
    before = await value.inner_text()
    assert before.endswith("kW")
    await until(page, "document.querySelector('#link').dataset.link === 'live'")
    await page.goto(center.url)
    assert await page.locator("tr[data-charger]").count() == 2


@pytest.fixture
def read_again(center: Center, open_page: OpenPage, until: Until) -> ReadAgain:
    """Opens a page, puts the focus somewhere and waits until a part of it has been read again."""

    async def read(path: str, focused: str, fragment: str) -> Page:
        page = await open_page(center.url + path)
        await until(page, "document.readyState === 'complete' && !document.querySelector('.htmx-request')")
        await page.evaluate(_WATCH, focused)
        await page.evaluate(_AGAIN, fragment)
        await until(page, "swaps >= 1")
        return page

    return read


@pytest.mark.parametrize(
    ("path", "focused", "fragment"),
    [
        ("/ledger", "#books .wide", "ledger"),
        ("/", "#fleet a.row-link", "fleet"),
        ("/", "#changes-all", "changes"),
        ("/alarms", "#alarms a, .brand", "alarms"),
    ],
)
async def test_reading_again_takes_no_focus_away(read_again: ReadAgain, path: str, focused: str, fragment: str) -> None:
    page = await read_again(path, focused, fragment)
    assert await page.evaluate("[document.activeElement === held, held.isConnected, blurred]") == [True, True, 0]


@pytest.mark.parametrize(
    ("before", "after", "added"),
    [
        (_A + _B, _A + _B.replace("1", "2"), 0),
        (_A + _B, _C + _A + _B, 1),
        (_A + _B + _C, _B, 0),
        (_A + _B + _C, _C + _B + _A, 0),
        (_B + _C, _C + _A + _B, 1),
        (f'<ul class="x">{_B}</ul>', f'<h2>New</h2><ul class="y" data-tone="warn">{_A}{_B}</ul>', 2),
        (_B, f"<!-- why -->text{_B}", 2),
    ],
)
async def test_what_stays_is_the_same_element(
    center: Center, open_page: OpenPage, before: str, after: str, added: int
) -> None:
    page = await open_page(center.url + "/nowhere", ignore="404")
    assert await page.evaluate(_KEEP, [before, after, 'a[href="/b"]']) == [after, True, added]


async def test_what_is_opened_stays_open_and_a_known_time_stays_in_its_zone(
    center: Center, open_page: OpenPage
) -> None:
    page = await open_page(center.url + "/nowhere", ignore="404")
    shown = '<details open=""><summary>S</summary><time data-ms="5">05:00</time></details>'
    told = '<details><summary>S</summary><time data-ms="5">01:00 UTC</time></details>'
    assert await page.evaluate(_KEEP, [shown, told, "summary"]) == [shown, True, 0]
    assert (await page.evaluate(_KEEP, [shown, told.replace("5", "6"), "summary"]))[0].count("01:00 UTC") == 1


async def test_a_phone_shows_which_page_this_is(center: Center, open_page: OpenPage) -> None:
    page = await open_page(center.url + "/kpis", width=390)
    box = await page.locator(".nav [aria-current]").bounding_box()
    assert box is not None
    assert 0 <= box["x"] <= box["x"] + box["width"] <= 390
