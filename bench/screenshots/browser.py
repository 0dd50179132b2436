"""This file knows how Chromium is started and when a page is ready; it guards that nobody waits for a fixed time."""

import asyncio
import time
from typing import Final

from playwright.async_api import Page

CHROMIUM: Final = "/usr/bin/chromium"
ARGUMENTS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_DEADLINE_S = 60
_READY = """() => document.readyState === "complete" && document.getElementById("link")?.dataset.link !== "waiting"
  && !document.querySelector(".htmx-request, .htmx-swapping, .htmx-settling, .htmx-added")"""
_DRAWN = """(name) => {
  const box = document.getElementById(name);
  return !!box.querySelector("canvas") && !!box.querySelector("[data-value]")?.textContent
    && !box.classList.contains("is-loading");
}"""


async def settled(page: Page) -> None:
    """Wait until a page has loaded, every chart of it has been drawn, and its stream is open.

    Raises:
        TimeoutError: It does not come to that.
    """
    await _until(page, _READY)
    # Charts are drawn when they come near.
    for name in await page.evaluate("[...document.querySelectorAll('figure.chart')].map((box) => box.id)"):
        await page.evaluate("(name) => document.getElementById(name).scrollIntoView()", name)
        await _until(page, _DRAWN, name)
    await page.evaluate("scrollTo(0, 0)")
    await page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")


async def log_in(page: Page, url: str, name: str, password: str) -> None:
    """Log in as a person does; with no name there is nobody to be."""
    if not name:
        return
    await page.goto(f"{url}/login")
    await page.fill("[name=name]", name)
    await page.fill("[name=password]", password)
    await page.click("main [type=submit]")
    deadline = time.monotonic() + _DEADLINE_S
    while page.url.partition("?")[0].endswith("/login"):
        if time.monotonic() > deadline:
            raise TimeoutError(f"nobody is logged in: {await page.inner_text('main')}")
        await asyncio.sleep(0.05)


async def _until(page: Page, expression: str, argument: str = "") -> None:
    deadline = time.monotonic() + _DEADLINE_S
    while not await page.evaluate(expression, argument):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{page.url} is never ready: {argument or 'its stream'}")
        await asyncio.sleep(0.05)
