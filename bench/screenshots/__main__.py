"""This file is `python -m bench.screenshots`; it guards that a page which cannot be shown is a failure, not a blank."""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Literal

from bench.screenshots.browser import ARGUMENTS, CHROMIUM, log_in, settled
from bench.screenshots.pages import Page, pages
from bench.screenshots.scene import CHARGER, PASSWORD, SITE, Scene, gateways, served
from playwright.async_api import Browser, async_playwright
from playwright.async_api import Page as Tab

from isolane.core.failures import IsolaneError

OUT = Path("build/screenshots")
WIDTHS = {"desktop": (1440, 900), "phone": (390, 844)}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
_DEVICE = f"/chargers/{SITE}/{CHARGER}"
STATES = (
    Page("charger-hour", f"{_DEVICE}#last=3600"),
    Page("charger-day", f"{_DEVICE}#last=86400"),
    Page("charger-all", f"{_DEVICE}#last=0"),
)
"""Pages that show something else by what follows their #."""


class Camera:
    """Takes pictures of pages.

    Args:
        browser: Chromium.
        out: Folder of the pictures.
    """

    def __init__(self, browser: Browser, out: Path) -> None:
        self._browser = browser
        self._out = out
        self.taken = 0

    async def take(self, scene: Scene, found: Iterable[Page], prefix: str = "") -> None:
        """Show pages in every theme and width, and take a picture of each, whole."""
        for size, (width, height) in WIDTHS.items():
            for scheme in SCHEMES:
                context = await self._browser.new_context(
                    viewport={"width": width, "height": height},
                    color_scheme=scheme,
                    timezone_id="Europe/Berlin",
                    device_scale_factor=1 if size == "desktop" else 2,
                    has_touch=size == "phone",
                )
                tab = await context.new_page()
                await log_in(tab, scene.url, scene.user, PASSWORD)
                for page in found:
                    await self._one(tab, scene.url, page, f"{prefix}{page.name}-{size}-{scheme}.png")
                await context.close()

    async def _one(self, tab: Tab, url: str, page: Page, file: str) -> None:
        await tab.goto("about:blank")
        answer = await tab.goto(url + page.path)
        if answer is not None and answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise IsolaneError(f"{page.path} is answered with {answer.status}", "the center's log above says why")
        await settled(tab)
        await tab.screenshot(path=self._out / file, full_page=True)
        self.taken += 1


async def photograph(out: Path, only: str) -> int:
    """Take all pictures; gives how many."""
    with tempfile.TemporaryDirectory() as folder:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            camera = Camera(browser, out)
            async with served(Path(folder) / "scene", gateways()) as scene:
                found = [page for page in (*pages(scene.routes), *STATES) if only in page.name]
                await camera.take(scene, found)
            async with served(Path(folder) / "empty", []) as scene:
                found = [page for page in pages(scene.routes) if only in page.name and "chargers" not in page.path]
                await camera.take(scene, found, "empty-")
            await browser.close()
    return camera.taken


def main() -> None:
    """Read the options and take the pictures."""
    parser = argparse.ArgumentParser(prog="python -m bench.screenshots", description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT, help=f"folder of the pictures ({OUT})")
    parser.add_argument("--only", default="", help="only pages with this in their name")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    try:
        taken = asyncio.run(photograph(options.out, options.only))
    except IsolaneError as error:
        sys.exit(f"screenshots: {error}")
    print(f"{taken} pictures in {options.out}, {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
