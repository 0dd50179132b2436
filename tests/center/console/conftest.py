"""This file runs the whole center with a real browser in front; it guards that a console error fails a test."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from isolane.center.app import _Center
from isolane.center.settings import CenterSettings
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.database import open_database
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.port import (
    Batch,
    BlockArrival,
    GapArrival,
    LedgerArrival,
    Origin,
    PoisonArrival,
    SchemaArrival,
)
from isolane.center.store.settings import StoreSettings
from isolane.config.values import Address
from isolane.core.samples import Quality, Reason
from isolane.core.signals import Signal
from isolane.wire.block import Block, BlockKey, code, encode, gateway_tag
from isolane.wire.schema import Schema
from isolane.wire.uplink import Gap, LedgerEntry, LedgerStatement, Up

CHROMIUM = "/usr/bin/chromium"
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

SITE, GATEWAY = "depot", "gw-1"
HOSTILE = "<img src=x onerror=alert(1)>"
HISTORY_S = 1200
HOLE_S = (600, 660)
"""Rows of the history that DC-01 could not be read in, counted from its beginning."""
STEP_MS = 1000


def _signals(charger: str) -> list[tuple[Signal, int]]:
    """Give a charger's signals with the value, in steps, that they wave around."""
    return [
        (Signal(charger, "1.0/EVSE/xState", "", 1), 2),
        (Signal(charger, "1.0/EVSE/Power", "W", 1), 50_000),
        (Signal(charger, "1.0/EVSE/DCCurrent", "A", 0.1), 1_250),
        (Signal(charger, "1.0/EVSE/DCVoltage", "V", 0.1), 4_000),
        (Signal(charger, "1.0/TemperatureSensor[ContactDCplus]/Temperature", "Celsius", 0.1), 455),
        (Signal(charger, "0.0/ExternalTemperatureSensor/Temperature", "Celsius", 0.1), 120),
        (Signal(charger, "1.0/GroundIsolationProtection/Impedance", "Ohm", 1000), 6_500),
        (Signal(charger, "0.0/DataLink/xRoundTrip", "s", 0.001), 80),
    ]


class Center:
    """A running center and the gateway that feeds it. `t0_ms` is the time of the first row."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self._settings = CenterSettings(
            data=folder, console=Address("127.0.0.1", port), store=StoreSettings(offline_after_s=3600)
        )
        self._signals = [
            *_signals("DC-01"),
            *_signals(HOSTILE),
            (Signal("", "0.0/Controller/xCpu", "Percent", 0.1), 110),
        ]
        self.schema = Schema.of(tuple(signal for signal, _ in self._signals))
        self.t0_ms = (int(time.time()) - HISTORY_S) * 1000
        self._sequence = 0
        self._rows = 0
        self._produced = 0
        self.url = ""
        self.port = port

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Center"]:
        """Serve, and stop in order at the end."""
        async with AsyncExitStack() as closing:
            self._settings.data.mkdir(exist_ok=True)
            self.catalogue = SqlCatalogue(open_database(self._settings.data / "catalogue.sqlite3"))
            closing.push_async_callback(self.catalogue.close)
            self.telemetry = EmbeddedTelemetry(self._settings.data / "telemetry", self._settings.store)
            closing.push_async_callback(self.telemetry.close)
            center = _Center(self._settings, self.catalogue, self.telemetry)
            serving = asyncio.create_task(center.console.run())
            self.port = center.console.address.port
            self.url = f"http://127.0.0.1:{self.port}"
            yield self
            await center.live.close()
            center.console.stop()
            await serving

    @property
    def _origin(self) -> Origin:
        return Origin(SITE, GATEWAY, int(time.time() * 1000))

    def _block(self, rows: int) -> BlockArrival:
        at = self._rows + np.arange(rows)
        wave = 1 + 0.1 * np.sin(at / 40)
        values = np.array([np.full(rows, base) if base < 3 else np.round(base * wave) for _, base in self._signals])
        codes = np.zeros(values.shape, np.uint8)
        hole = (at >= HOLE_S[0]) & (at < HOLE_S[1])
        own = np.array([signal.charger == "DC-01" for signal, _ in self._signals])
        codes[np.ix_(own, hole)] = code(Quality.BAD, Reason.TIMEOUT)
        values[(codes & 3) == Quality.BAD] = 0
        self._sequence += 1
        self._rows += rows
        self._produced += values.size
        t0_ms = self.t0_ms + int(at[0]) * STEP_MS
        key = BlockKey(self.t0_ms, 1, self._sequence)
        block = Block(key, self.schema.id, t0_ms, STEP_MS, values.astype(np.int64), codes)
        data = encode(block, gateway_tag(SITE, GATEWAY))
        return BlockArrival(self._origin, block, data, len(data))

    async def _commit(self, batch: Batch) -> None:
        await self.telemetry.commit(batch)
        await self.catalogue.record(batch)

    async def fill(self) -> None:
        """Send the history, a gap record with a hostile reason, books and a message that cannot be read."""
        await self.catalogue.admit(self._origin)
        blocks = tuple(self._block(60) for _ in range(HISTORY_S // 60))
        self._sequence += 1
        samples = len(self.schema.columns) * 60
        self._produced += samples
        gap = Gap(
            1, self.t0_ms, 1, self._sequence, self._sequence, samples, "<b>lost</b>", self.t0_ms - 60_000, self.t0_ms
        )
        entry = LedgerEntry(
            self.t0_ms, 1, self._sequence, self._produced, self._produced - samples, 0, 0, {gap.reason: samples}
        )
        statement = LedgerStatement(1, self._origin.received_ms, (entry,))
        batch = Batch(
            blocks,
            (SchemaArrival(self._origin, self.schema),),
            (GapArrival(self._origin, gap),),
            (LedgerArrival(self._origin, statement),),
            (PoisonArrival(self._origin, Up.BLOCK, f"{self.t0_ms}/1/9", "<i>torn</i>", b"x" * 40),),
        )
        await self._commit(batch)

    async def send(self, rows: int = 1) -> None:
        """Send the next rows as one block."""
        await self._commit(Batch((self._block(rows),)))

    def follow(self, other: "Center") -> None:
        """Go on where another gateway object has ended."""
        self.t0_ms, self._rows, self._sequence = other.t0_ms, other._rows, other._sequence

    @property
    def _ahead_s(self) -> float:
        """How long until the next row's second is over; negative when rows are owed."""
        return (self.t0_ms + self._rows * STEP_MS) / 1000 - time.time()

    async def keep_sending(self) -> None:
        """Send a row as soon as its second is over, for ever."""
        while True:
            await asyncio.sleep(max(0.0, self._ahead_s))
            await self.send()

    async def caught_up(self) -> None:
        """Wait until no row is owed: the loop of these tests stands still while tests of other files run."""
        async with asyncio.timeout(60):
            while self._ahead_s < 0:
                await asyncio.sleep(0.02)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield chromium
        await chromium.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def fed_center(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Center]:
    """A center with a history that receives a new row every second."""
    async with Center(tmp_path_factory.mktemp("center")).running() as one:
        await one.fill()
        sending = asyncio.create_task(one.keep_sending())
        yield one
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


@pytest_asyncio.fixture(loop_scope="session")
async def center(fed_center: Center) -> Center:
    """The fed center, once it is up to date with the clock."""
    await fed_center.caught_up()
    return fed_center


@pytest.fixture
def make_center() -> type[Center]:
    """Give the class, for tests that stop their center."""
    return Center


Scheme = Literal["light", "dark"]
OpenPage = Callable[..., Awaitable[Page]]


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(browser: Browser) -> AsyncIterator[OpenPage]:
    """Opens pages in contexts of their own. An error in a page's console that is not ignored fails the test."""
    contexts = []
    heard: list[str] = []

    async def open_one(url: str, *, ignore: str = "", width: int = 1280, scheme: Scheme = "light") -> Page:
        context = await browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = await context.new_page()
        page.on("console", lambda message: heard.append(message.text) if message.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on("dialog", lambda dialog: heard.append(f"dialog {dialog.message}"))
        if ignore:
            ignored.append(ignore)
        await page.goto(url)
        return page

    ignored: list[str] = []
    yield open_one
    for context in contexts:
        await context.close()
    assert [text for text in heard if not any(part in text for part in ignored)] == []


Until = Callable[[Page, str], Awaitable[None]]


@pytest.fixture
def until() -> Until:
    """Waits until an expression is true in a page. Playwright's own wait uses eval, which the policy forbids."""

    async def wait(page: Page, expression: str) -> None:
        deadline = time.monotonic() + 15
        while not await page.evaluate(expression):
            assert time.monotonic() < deadline, f"never true: {expression}"
            await asyncio.sleep(0.05)

    return wait
