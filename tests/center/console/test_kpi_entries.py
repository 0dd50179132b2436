"""This file sends the forms of exclusions and nameplates; it guards that nothing is entered by halves or for others."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Page

from isolane.center.people.rights import RIGHTS
from isolane.center.store.kpi_book import KpiBook
from isolane.center.store.people_views import Caller, Role
from support.front import NORTH, PASSWORD, SOUTH, Front

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

OpenPage = Callable[..., Awaitable[Page]]
FORM = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
EXCLUSION = {
    "site": NORTH, "charger": "CP-N", "port": "1", "from": "2026-09-01T10:00", "to": "2026-09-01T12:30",
    "reason": "vandalism", "evidence": "<b>report</b> 12",
}  # fmt: skip
NAMEPLATE = {
    "site": NORTH, "charger": "CP-N", "from": "2026-09-01T00:00", "model": "HPC", "firmware": "1.2", "rated_kw": "22.5"
}  # fmt: skip
PATHS = ("/kpis/exclusions", "/kpis/nameplates", "/kpis/exclusions/1")


@pytest_asyncio.fixture(loop_scope="session")
async def center(tmp_path: Path) -> AsyncIterator[Front]:
    """A center with users of two tenants."""
    async with Front(tmp_path / "front").running() as front:
        await front.fill()
        yield front


@asynccontextmanager
async def _as(front: Front, role: Role, tenants: str = "north") -> AsyncIterator[httpx.AsyncClient]:
    async with await front.log_in(await front.add(f"{role}.{tenants.strip('*') or 'all'}", role, tenants)) as client:
        yield client


async def _send(client: httpx.AsyncClient, path: str, fields: dict[str, str]) -> httpx.Response:
    page = (await client.get("/kpis/entries")).text
    token = re.search(r'name="form_token" value="([^"]+)"', page)
    return await client.post(path, data={**fields, "form_token": token[1] if token else ""}, headers=FORM)


async def test_an_engineer_enters_both_and_the_audit_has_it(center: Front) -> None:
    async with _as(center, Role.ENGINEER) as ada, _as(center, Role.ADMIN, "*") as admin:
        for path, fields in (("/kpis/exclusions", EXCLUSION), ("/kpis/nameplates", NAMEPLATE)):
            answer = await _send(ada, path, fields)
            assert (answer.status_code, answer.headers["location"].split("#")[0]) == (303, "/kpis/entries")
        (exclusion,) = await KpiBook(center.catalogue).exclusions()
        assert (exclusion.site, exclusion.charger, exclusion.port, exclusion.made_by) == (
            NORTH,
            "CP-N",
            1,
            "engineer.north",
        )
        assert exclusion.to_ms - exclusion.from_ms == 2.5 * 3_600_000
        (plate,) = await KpiBook(center.catalogue).nameplates()
        assert (plate.model, plate.firmware, plate.rated_w) == ("HPC", "1.2", 22_500)
        page = (await ada.get("/kpis/entries")).text
        assert "&lt;b&gt;report&lt;/b&gt; 12" in page
        assert (await _send(ada, "/kpis/exclusions/1", {})).status_code == 303
        assert (await _send(ada, "/kpis/exclusions/1", {})).status_code == 404
        assert "Withdrawn by engineer.north" in (await ada.get("/kpis/entries")).text
        audit = (await admin.get("/users")).text
        for what in ("exclusion-entered", "exclusion-withdrawn", "nameplate-entered"):
            assert what in audit


WRONG: list[tuple[str, dict[str, str], str, str]] = [
    ("exclusions", {"site": "nowhere"}, "x-site", "Known: depot."),
    ("exclusions", {"site": SOUTH}, "x-site", "Known: depot."),
    ("exclusions", {"charger": "CP-SOUTH"}, "x-charger", "Known: CP-N."),
    ("exclusions", {"charger": ""}, "x-charger", "A port needs its charger."),
    ("exclusions", {"port": "1.5"}, "x-port", "Write a whole number from 0 to 1000."),
    ("exclusions", {"from": "soon"}, "x-from", "Write a day and a time in UTC"),
    ("exclusions", {"to": "2026-09-01T10:00"}, "x-to", "not after the beginning"),
    ("exclusions", {"reason": "bad luck"}, "x-reason", "There is no such reason."),
    ("exclusions", {"evidence": " "}, "x-evidence", "Write what shows it"),
    ("exclusions", {"evidence": "x" * 513}, "x-evidence", "Shorten it."),
    ("nameplates", {"charger": ""}, "n-charger", "Choose it."),
    ("nameplates", {"model": ""}, "n-model", "Write what the nameplate says"),
    ("nameplates", {"rated_kw": "much"}, "n-rated_kw", "Write a number from 0 to 100000."),
]


async def test_what_is_wrong_is_said_at_its_field_and_nothing_is_entered(center: Front) -> None:
    async with _as(center, Role.ENGINEER) as ada:
        for path, change, at, said in WRONG:
            whole = EXCLUSION if path == "exclusions" else NAMEPLATE
            answer = await _send(ada, f"/kpis/{path}", {**whole, **change})
            assert answer.status_code == 422, change
            field = re.search(
                rf'<(?:input|select) id="{at}"[^>]*aria-invalid="true"[^>]*describedby="([^"]+)"', answer.text
            )
            assert field is not None, change
            shown = re.search(rf'id="{field[1]}">.*?<span>(.*?)</span>', answer.text)
            assert shown is not None, change
            assert said in shown[1], change
            assert answer.text.count('aria-invalid="true"') == 1, change
            assert "CP-SOUTH" not in answer.text.replace('value="CP-SOUTH"', ""), change
    assert await KpiBook(center.catalogue).exclusions() == []
    assert await KpiBook(center.catalogue).nameplates() == []


async def test_who_sees_a_form_may_send_it_and_nobody_else(center: Front) -> None:
    lines = {right.path: right for right in RIGHTS if right.method == "POST" and right.path.startswith("/kpis/")}
    assert set(lines) == {"/kpis/exclusions", "/kpis/exclusions/{number}", "/kpis/nameplates"}
    await KpiBook(center.catalogue).add_exclusion(
        site=NORTH, charger="", port=0, from_ms=0, to_ms=1, reason="closed", evidence="e", made_by="m"
    )
    for role in Role:
        may = {right.allows(Caller(role, role, None, None)) for right in lines.values()}
        async with _as(center, role) as client:
            page = (await client.get("/kpis/entries")).text
            for path in PATHS:
                assert {f'action="{path}"' in page} == may, (role, path)
                answer = await client.post(path, data={"form_token": "forged"}, headers=FORM)
                assert answer.status_code == 403, (role, path)


async def test_another_tenants_exclusion_is_not_there(center: Front) -> None:
    await KpiBook(center.catalogue).add_exclusion(
        site=SOUTH, charger="", port=0, from_ms=0, to_ms=1, reason="closed", evidence="theirs", made_by="m"
    )
    async with _as(center, Role.ENGINEER) as ada:
        assert "theirs" not in (await ada.get("/kpis/entries")).text
        assert (await _send(ada, "/kpis/exclusions/1", {})).status_code == 404
        assert (await ada.get(f"/kpis/entries?site={SOUTH}")).status_code == 404
        assert 'value="depot"' in (await ada.get("/kpis/entries?site=depot&charger=CP-N&port=1")).text
    assert (await KpiBook(center.catalogue).exclusions())[0].withdrawn_ms is None


async def _until_it_hears(page: Page) -> None:
    """Wait until a page that has just come was painted: until then the browser drops what is typed."""
    await page.wait_for_load_state("load")
    await page.evaluate("new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))")


async def test_by_keyboard_and_on_a_phone(center: Front, open_page: OpenPage) -> None:
    name = await center.add("otto", Role.ENGINEER, "north")
    page = await open_page(
        f"{center.url}/login?next=/kpis/entries%3Fsite=depot", width=390, scheme="dark", ignore="422"
    )
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    form = page.get_by_role("form", name="Exclude a time")
    await form.wait_for()
    await _until_it_hears(page)
    await form.get_by_label("Charger").fill("CP-X")
    await form.get_by_label("Evidence").fill("ticket 4711")
    await page.keyboard.press("Enter")
    await page.get_by_role("alert").wait_for()
    await _until_it_hears(page)
    wrong = form.get_by_label("Charger")
    assert await wrong.get_attribute("aria-invalid") == "true"
    assert await form.get_by_label("Evidence").input_value() == "ticket 4711"
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    await wrong.fill("CP-N")
    await page.keyboard.press("Enter")
    await page.get_by_role("cell", name="ticket 4711").wait_for()
    await _until_it_hears(page)
    await page.get_by_role("button", name="Withdraw exclusion 1").press("Enter")
    await page.get_by_role("cell", name="Withdrawn by otto").wait_for()
    await page.goto("about:blank")
