"""This file logs in with a real browser; it guards that people get in, change what they may, and get out."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from isolane.center.store.people_views import Role
from support.front import PASSWORD, Front
from support.listening import listening

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

OpenPage = Callable[..., Awaitable[Page]]
WAIT_MS = 20_000


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def front(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Front]:
    """A center with an administrator."""
    async with Front(tmp_path_factory.mktemp("front")).running() as one:
        await one.fill()
        await one.add("first-admin")
        yield one


async def log_in(page: Page, name: str, password: str = PASSWORD) -> None:
    """Write name and password and press Enter."""
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Password").fill(password)
    await page.keyboard.press("Enter")


async def test_log_in_by_keyboard_and_out(front: Front, open_page: OpenPage) -> None:
    page = await open_page(front.url + "/ledger", ignore="401")
    assert await page.locator("h1").inner_text() == "Log in"
    assert await page.evaluate("document.activeElement.name") == "name"
    await log_in(page, "first-admin", "wrong")
    alert = page.get_by_role("alert").filter(has_text="belong together")
    await alert.wait_for(timeout=WAIT_MS)
    await log_in(page, "first-admin")
    await page.wait_for_url(front.url + "/ledger", timeout=WAIT_MS)
    await page.get_by_role("link", name="first-admin").click()
    await page.get_by_role("heading", name="Your account").wait_for(timeout=WAIT_MS)
    assert "isolane-session" not in await page.evaluate("document.cookie")
    await page.get_by_role("button", name="Log out everywhere").click()
    await page.wait_for_url(front.url + "/login", timeout=WAIT_MS)
    await page.goto(front.url)
    assert await page.locator("h1").inner_text() == "Log in"


async def test_an_administrator_adds_a_user_who_changes_his_password(front: Front, open_page: OpenPage) -> None:
    page = await open_page(front.url + "/users")
    await log_in(page, "first-admin")
    await page.get_by_role("heading", name="Add a user").wait_for(timeout=WAIT_MS)
    form = page.locator("form[action='/users']")
    await form.get_by_label("Name").fill("night")
    await form.get_by_label("Role").select_option("dispatcher")
    await form.get_by_label("Tenants").fill("north")
    await form.get_by_label("Password").fill(PASSWORD)
    await form.get_by_role("button", name="Add").click()
    await page.get_by_text("night", exact=True).first.wait_for(timeout=WAIT_MS)
    assert "dispatcher" in await page.locator("summary", has_text="night").inner_text()
    other = await open_page(front.url, width=390, scheme="dark")
    await log_in(other, "night")
    await other.wait_for_url(front.url + "/", timeout=WAIT_MS)
    assert await other.get_by_role("link", name="CP-N").count() == 1
    assert await other.get_by_role("link", name="CP-SOUTH").count() == 0
    assert await other.get_by_role("link", name="Users").count() == 0
    await other.goto(front.url + "/account")
    for label, text in (("Old password", PASSWORD), ("New password", "a different sentence")):
        await other.get_by_label(label, exact=True).fill(text)
    await other.get_by_label("New password again").fill("a different sentence")
    # The page before has the same buttons: only a page that has come whole, with its style sheets, has a width.
    async with other.expect_navigation(timeout=WAIT_MS, wait_until="load") as changed:
        await other.get_by_role("button", name="Change it").click()
    answer = await changed.value
    assert answer is not None
    assert answer.status == 200
    await other.get_by_role("button", name="End").wait_for(timeout=WAIT_MS)
    assert await other.evaluate("document.documentElement.scrollWidth") <= 390
    client = await front.log_in("night", "a different sentence")
    await client.aclose()


async def test_a_token_is_shown_once(front: Front, open_page: OpenPage) -> None:
    page = await open_page(front.url + "/users")
    await log_in(page, "first-admin")
    form = page.locator("form[action='/users/tokens']")
    await form.get_by_label("Name").fill("grafana")
    await form.get_by_role("button", name="Make").click()
    await page.locator("#secret").wait_for(timeout=WAIT_MS)
    secret = await page.locator("#secret").inner_text()
    async with front.client(authorization=f"Bearer {secret}") as program:
        assert (await program.get("/api/v1/sites")).status_code == 200
    await page.goto(front.url + "/users")
    assert await page.locator("#secret").count() == 0
    await page.get_by_role("button", name="Revoke").click()
    await page.get_by_role("cell", name="revoked", exact=True).wait_for(timeout=WAIT_MS)


async def test_a_page_that_stays_open_says_that_its_session_is_over(front: Front, open_page: OpenPage) -> None:
    await front.add("leaving", Role.VIEWER)
    page = await open_page(front.url, ignore="401")
    await log_in(page, "leaving")
    await page.wait_for_url(front.url + "/", timeout=WAIT_MS)
    sessions = front.center.office.desk._sessions
    note = front.center.office.desk._audit.line("user-changed", "leaving")
    sessions.forget(await front.records.change_person("leaving", note, disabled=True))
    deadline = time.monotonic() + 30
    while await page.evaluate("document.querySelector('#link').dataset.link") == "live":
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


async def test_a_foreign_page_with_a_form_changes_nothing(front: Front, browser: Browser, tmp_path: Path) -> None:
    """Another port of this machine is the same site to a browser, so that cookies go along: the worst case."""
    hostile = tmp_path / "evil.html"
    hostile.write_text(
        f"<form method=post action='{front.url}/users' enctype='text/plain'><input name=name value=evil></form>"
        f"<form method=post action='{front.url}/logout'></form>"
        f"<form method=post action='{front.url}/users'><input name=name value=evil><input name=role value=admin>"
        "<input name=tenants value='*'></form>"
    )
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(front.url)
    await log_in(page, "first-admin")
    await page.wait_for_url(front.url + "/", timeout=WAIT_MS)
    async with listening(lambda r, w: _serve(r, w, hostile.read_bytes())) as port:
        for number in range(3):
            await page.goto(f"http://127.0.0.1:{port}/")
            async with page.expect_navigation(timeout=WAIT_MS) as sent:
                await page.evaluate(f"document.forms[{number}].submit()")
            answer = await sent.value
            assert answer is not None
            assert answer.status == 403
    assert "evil" not in [person.name for person in await front.records.people()]
    await page.goto(front.url)
    assert await page.locator("h1").inner_text() == "Fleet"
    await context.close()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> None:
    await reader.readuntil(b"\r\n\r\n")
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
    writer.write(head % len(body) + body)
    await writer.drain()
    writer.close()
    await writer.wait_closed()
