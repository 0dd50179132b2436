"""This file kills a gateway while its black box writes; it guards that the next run brings the snapshot to the center.

The center is a process of its own. Its answers alone make the gateway count a snapshot as arrived. What arrived is then
looked at in Chromium, where it must show what was before the trigger.
"""

import asyncio
import hashlib
import socket
import time
from pathlib import Path

import msgspec
import pytest
from bench.screenshots.browser import ARGUMENTS, CHROMIUM
from playwright.async_api import Page, async_playwright

from isolane.health.recorder.shelf import Entry
from isolane.wire import tap_event
from isolane.wire.snapshot import CUT, OPEN
from isolane.wire.snapshot_file.manifest import check
from support.broker import Pki, free_port, make_pki
from support.center_process import CenterProcess
from support.health_process import Health
from support.outboxes import GATEWAY, SITE, until

CENTER = """
[center]
data = "data"
console = "127.0.0.1:0"

[center.https]
address = "127.0.0.1:{port}"
certificate = "{pki.server.certificate}"
key = "{pki.server.key}"
client_ca = "{pki.ca}"
"""
LINK = """type = "https"
url = "https://127.0.0.1:{port}"

[health.recorder.ring]
flush_s = 1.0
"""
_BEFORE_THE_MARK = """[...document.querySelectorAll("figure")].some((one) => {
  const [mark, line] = [".mark", ".line"].map((name) => one.querySelector(name)?.getBoundingClientRect());
  return mark && line && line.left < mark.left;
})"""
BEFORE = ".film-numbers tbody tr td:nth-child(n + 4):nth-child(-n + 9)"
"""Numbers of one minute to one second before the trigger."""
_ALL_DRAWN = """((films) => films.length > 0 && films.every((one) => one.querySelector("canvas")))(
  [...document.querySelectorAll(".film")])"""
ARRIVED = "isolane_health_recorder_snapshots_at_center_total"


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("pki"), GATEWAY)


def entry(folder: Path) -> Entry | None:
    """Give what stands beside the snapshot."""
    for path in folder.glob("outbox.db.blackbox/snapshots/*.json"):
        return msgspec.json.decode(path.read_bytes(), type=Entry)
    return None


def told(folder: Path) -> Entry:
    """Give it, which is there."""
    found = entry(folder)
    assert found is not None
    return found


async def seldom(health: Health, name: str, least: float) -> None:
    """Wait for a metric; asked for seldom, since each look at the page is work for the process that is waited for."""
    async with asyncio.timeout(60):
        while health.metrics().get(name, 0) < least:
            await asyncio.sleep(0.2)


def fault(folder: Path) -> None:
    """Tell of a fault as the tap does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as tap:
        tap.connect(str(folder / "run" / "events.sock"))
        for status in ("Available", "Faulted"):
            event = tap_event.StatusChanged("CP-1", time.monotonic_ns(), 1, 1, status, "NoError")
            tap.send(tap_event.encode(tap_event.Packet(1, 0, (event,))))


async def drawn(page: Page, expression: str) -> None:
    """Wait until an expression is true in a page."""
    async with asyncio.timeout(30):
        while not await page.evaluate(expression):
            await asyncio.sleep(0.05)


async def look_at(url: str, identity: str) -> None:
    """Open the viewer and the incident report, as somebody does who wants to know what was before the trigger."""
    heard: list[str] = []
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = await chromium.new_page(viewport={"width": 1280, "height": 900})
        page.on("console", lambda message: heard.append(message.text) if message.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: heard.append(str(error)))
        await page.goto(f"{url}/snapshots")
        await page.locator(f"a[href='/snapshots/{identity}']").click()
        await drawn(page, _ALL_DRAWN)
        before = await page.locator(BEFORE).all_inner_texts()
        assert any(text.replace("-", "").replace(".", "").isdigit() for text in before), "a value of the minute before"
        told = await page.locator(".film-beats tbody tr").all_inner_texts()
        offsets = [float(text.split()[0]) for text in told]
        assert min(offsets) < 0 <= max(offsets)
        assert offsets == sorted(offsets)
        assert any("Available" in text for text in told)
        assert any("Faulted" in text for text in told)
        await page.locator(".film [data-plot]").first.focus()
        await page.keyboard.press("ArrowLeft")
        assert " s: " in await page.locator(".film [data-note]").first.inner_text()
        await page.get_by_role("link", name="incident report").click()
        await drawn(page, "!!document.querySelector('svg .line')")
        assert "fault" in await page.locator("h1").inner_text()
        assert await page.evaluate("getComputedStyle(document.querySelector('svg .line')).fill") == "none", (
            "its own style"
        )
        assert await page.evaluate(_BEFORE_THE_MARK)
        await chromium.close()
    assert heard == []


async def test_what_was_frozen_before_a_kill_is_at_the_center_after_it(tmp_path: Path, pki: Pki) -> None:
    port, folder = free_port(), tmp_path / "gateway"
    folder.mkdir()
    center = CenterProcess(tmp_path, CENTER.format(pki=pki, port=port))
    health = Health(folder, pki, LINK.format(port=port), flush_s=1)
    try:
        await health.start()
        starting = asyncio.create_task(asyncio.to_thread(center.start))
        await seldom(health, "isolane_health_recorder_flushes_total", 3)
        fault(folder)
        await until(lambda: entry(folder) is not None, "a snapshot")
        await starting
        await until(lambda: bool((found := entry(folder)) and found.upload.beyond), "its card is at the center")
        assert told(folder).card.state == OPEN
        health.kill()
        await health.start()
        await seldom(health, ARRIVED, 1)
        (file,) = folder.glob("outbox.db.blackbox/snapshots/*.mcap")
        found, data = told(folder), file.read_bytes()
        assert (found.card.state, found.card.sha256) == (CUT, hashlib.sha256(data).hexdigest())
        collected = tmp_path / "data" / "snapshots" / SITE / GATEWAY / file.name
        await until(collected.exists, "the center has put it together")
        assert collected.read_bytes() == data
        verdict = check(data)
        assert (verdict.end, verdict.faults) == (CUT, [])
        assert verdict.manifest is not None
        assert [each.kind for each in verdict.manifest.triggers] == ["fault"]
        before = [one for one in verdict.anatomy.messages if one.log_time < found.card.begun_ms * 1_000_000]
        assert len(before) > 5, "what was before the trigger is in it"
        await look_at(f"http://127.0.0.1:{center.console}", found.card.id)
    finally:
        health.kill()
        center.end()
