"""This file shows hostile names and numbers on every page in Chromium (OC-24); it guards that all of it stays text.

What a device chooses comes in by the ingest listener: units, reasons of gaps, a schema whose metric has a name that
none may have, and numbers at the ends of what a number can be. What that refuses, charger names and long units, is put
into the stores besides. Every page of the table of rights is opened, its charts are drawn and pointed at, and rows go
on coming while a charger's page is open.
"""

import asyncio
import json
import re
import time
from collections.abc import Iterator
from urllib.parse import quote

import numpy as np
from bench.attack.fill import UnknownError
from bench.attack.operations.court import Move
from bench.attack.operations.gateway import Poster, posting
from bench.attack.operations.ground import CHARGER, GATEWAY, OF_B, PASSWORD, SITE, Center
from bench.attack.operations.members import EVIL_ID, evil_file
from bench.attack.operations.papers import bodies_of, post_papers, until_here
from bench.attack.operations.proposals import VERB
from bench.screenshots.browser import ARGUMENTS, CHROMIUM, log_in, settled
from numpy.typing import NDArray
from playwright.async_api import ConsoleMessage, Dialog, Page, async_playwright

from isolane.center.people.rights import RIGHTS
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.database import open_database
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.port import Batch, BlockArrival, Origin, SchemaArrival
from isolane.center.store.settings import StoreSettings
from isolane.core.samples import Quality, Reason
from isolane.core.signals import Signal
from isolane.wire.block import Block, BlockKey, code, gateway_tag
from isolane.wire.block import encode as encode_block
from isolane.wire.floats import pattern
from isolane.wire.schema import Schema
from isolane.wire.uplink import Gap, Up, encode

_ROWS, _BLOCKS = 60, 10
_SECOND_MS = 1000
_WHOLE_PAGES = 2
"""Chargers that are looked at from near and far: one whose rows go on, one whose name is hostile."""
_REAL = (1e308, -1.7976931348623157e308, 5e-324, -0.0, 2.2250738585072014e-308, 0.1, -1e-300, 1e15)
_WHOLE = ((1 << 62), -(1 << 62), (1 << 63) - 1, -(1 << 63) + 1, 0, 1, 1 << 53, -1)
_KEYS = (
    "1.0/EVSE/Power", "1.0/EVSE/DCVoltage", "1.0/EVSE/DCCurrent", "1.0/EVSE/xState",
    "1.0/TemperatureSensor[ContactDCplus]/Temperature", "0.0/ExternalTemperatureSensor/Temperature",
    "1.0/GroundIsolationProtection/Impedance", "0.0/DataLink/xRoundTrip", "1.0/EVSE/xStrange",
)  # fmt: skip
_RESOLUTIONS = (0.0, 1.0, 1e300, 1e-300, 5e-324, 0.0, 1.0, 0.1, 0.0)
_WATCH = (
    "window.forbidden = []; addEventListener('securitypolicyviolation', (e) => forbidden.push(e.violatedDirective));"
)
_BLANK = """() => [...document.querySelectorAll("figure.chart canvas")].filter((one) => {
  const data = one.getContext("2d").getImageData(0, 0, one.width, one.height).data;
  return !data.some((value) => value);
}).length"""
_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")
_QUERY = {"/kpis/port": "?month={month}&site={site}&charger={device}&port=1"}
_REFUSED = re.compile(r"status of 40[34]")


async def show(move: Move) -> None:
    """Seed what the case says, then look at everything."""
    center = move.center
    metric, scheme = str(move.arg["metric_name"]), str(move.arg["unit"])
    if "<" not in metric or not scheme.endswith(":"):
        raise UnknownError(f"seed {metric!r}, {scheme!r}")
    names = [metric.replace(" onerror", " src=x onerror=alert(1)"), f"{scheme}alert(1)", "\"'><svg onload=alert(1)>"]
    long = [f"{scheme}alert(1)", "</script><script>alert(1)</script>", '" onmouseover="alert(1)', "${alert(1)}{{7*7}}"]
    t0_ms = (time.time_ns() // 1_000_000_000 - _ROWS * _BLOCKS) * _SECOND_MS
    await _store(center, _signals(names, long), t0_ms)
    short = _signals([CHARGER["A"]], [scheme, metric, "</script>", '" onload="x', "{{7*7}}", "W"])
    async with posting(center, "A", short, t0_ms) as poster:
        for _ in range(_BLOCKS):
            await poster.send(*_extremes(poster.schema, _ROWS, poster.sequence))
        words = {
            "site": SITE["A"], "gateway": GATEWAY["A"], "number": "1", "path": "nowhere", "id": EVIL_ID,
            "month": time.strftime("%Y-%m", time.gmtime()), "jti": await _also(center, poster, names[0]),
        }  # fmt: skip
        seen = await _look(center, poster, [CHARGER["A"], *names], words)
    log = center.process.text()
    seen.faults += [f"the center logged {sign.strip()}" for sign in (" ERROR ", "Traceback") if sign in log]
    center.notes.append(f"{seen.pages} pages with {seen.charts} charts of {len(names) + 1} chargers")
    center.measures["dialogs"] = "; ".join(seen.faults[:4]) or seen.dialogs


def _signals(names: list[str], units: list[str]) -> tuple[Signal, ...]:
    """Give signals that the pages look for, in such units, of every kind of resolution."""
    pairs = enumerate((name, key) for name in names for key in _KEYS)
    return tuple(
        Signal(name, key, units[at % len(units)], _RESOLUTIONS[at % len(_RESOLUTIONS)]) for at, (name, key) in pairs
    )


async def _store(center: Center, signals: tuple[Signal, ...], t0_ms: int) -> None:
    """Put what the ingest listener refuses into the stores: a center of an older release may have taken it."""
    await center.process.stop()
    origin, schema = Origin(SITE["A"], GATEWAY["A"], t0_ms), Schema.of(signals)
    catalogue = SqlCatalogue(open_database(center.folder / "data/catalogue.sqlite3"))
    telemetry = EmbeddedTelemetry(center.folder / "data/telemetry", StoreSettings())
    try:
        for number in range(_BLOCKS):
            values, codes = _extremes(schema, _ROWS, number)
            began = t0_ms + number * _ROWS * _SECOND_MS
            block = Block(BlockKey(t0_ms, 5, number + 1), schema.id, began, 1000, values, codes, floats=schema.floats)
            data = encode_block(block, gateway_tag(origin.site, origin.gateway))
            batch = Batch((BlockArrival(origin, block, data, len(data)),), (SchemaArrival(origin, schema),))
            await telemetry.commit(batch)
            await catalogue.record(batch)
    finally:
        await telemetry.close()
        await catalogue.close()
    await center.start()


class _Seen:
    """What the browser met."""

    def __init__(self) -> None:
        self.dialogs = 0
        self.pages = 0
        self.charts = 0
        self.faults: list[str] = []


def _extremes(schema: Schema, rows: int, turn: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Give rows of extremes; what is not finite no block can carry, so it stands as BAD, out of range."""
    real = np.array([pattern(value) for value in _REAL], np.int64)
    whole = np.array(_WHOLE, np.int64)
    at = np.arange(rows) + turn
    picks = [(whole if column.resolution else real)[(at + n) % len(_REAL)] for n, column in enumerate(schema.columns)]
    values = np.array(picks, np.int64)
    codes = np.zeros(values.shape, np.uint8)
    codes[:, at % 17 == 0] = code(Quality.BAD, Reason.OUT_OF_RANGE)
    values[(codes & 3) == Quality.BAD] = 0
    return values, codes


async def _also(center: Center, poster: Poster, hostile: str) -> str:
    """Send what is refused and set aside, a gap and a snapshot with such words, and enter what people may enter.

    Returns:
        The name of a command that was proposed with such a reason.

    Raises:
        RuntimeError: It was not.
    """
    bad_key = b'{"version":1,"columns":[["CP","%s","W",1.0]]}' % hostile.encode()
    await poster.post(Up.SCHEMA, bad_key)
    await poster.post(Up.BLOCK, b"\0" + hostile.encode())
    first = poster.sequence + 1
    poster.sequence += 1
    began = poster.t0_ms - _ROWS * _SECOND_MS
    gap = Gap(1, poster.epoch, 4, first, first, 60, hostile, began, poster.t0_ms)
    await poster.post(Up.GAP, encode(gap))
    engineer = await center.person("A", "engineer")
    span = {"site": SITE["A"], "charger": hostile, "from_ms": began, "to_ms": poster.t0_ms, "reason": "utility"}
    plate = {"site": SITE["A"], "charger": hostile, "model": hostile, "firmware": hostile, "rated_w": 1e308}
    for target, body in (
        ("/api/v1/kpis/exclusions", {**span, "evidence": hostile}),
        ("/api/v1/kpis/nameplates", plate),
        ("/api/v1/silences", {"site": SITE["A"], "minutes": 5, "reason": hostile}),
    ):
        await center.ask(engineer, "POST", target, body)
    await center.ask(engineer, "GET", "/api/v1/ledger")
    await post_papers(center, "A", bodies_of(EVIL_ID, evil_file(), charger=CHARGER["A"], firmware=hostile))
    await until_here(center, engineer, EVIL_ID)
    asked = {
        "gateway": GATEWAY["A"],
        "verb": VERB,
        "args": {"charger": CHARGER["A"]},
        "ticket": hostile,
        "reason": hostile,
    }
    reply = await center.ask(await center.person("A", "admin"), "POST", "/api/v1/commands", asked)
    if reply.status != 201:
        raise RuntimeError(f"nobody may propose with {hostile!r}: {reply.status} {reply.body[:200]!r}")
    return str(json.loads(reply.body)["jti"])


async def _look(center: Center, poster: Poster, names: list[str], words: dict[str, str]) -> _Seen:
    seen, url = _Seen(), f"http://127.0.0.1:{center.port}"
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            context = await chromium.new_context(viewport={"width": 1280, "height": 900})
            await context.add_init_script(_WATCH)
            page = await context.new_page()
            _listen(page, seen)
            await log_in(page, url, "a-admin", PASSWORD)
            for path in _paths(names, words):
                await page.goto("about:blank")
                await page.goto(url + path)
                await _see(page, path, seen)
                if path == f"/chargers/{SITE['A']}/{CHARGER['A']}":
                    poster.now()
                    await poster.send(*_extremes(poster.schema, 3, poster.sequence))
                    await page.evaluate("new Promise((go) => setTimeout(go, 1500))")
                    await _see(page, path, seen)
        finally:
            await chromium.close()
    return seen


def _paths(names: list[str], words: dict[str, str]) -> Iterator[str]:
    """Give every page there is, those of a charger for each name; `words` stand for the other parameters.

    Raises:
        UnknownError: A page has a parameter that nobody has a word for.
    """
    for right in RIGHTS:
        path = right.path
        if right.method != "GET" or path.startswith(("/api/", "/static", "/fragments/", "/login/")):
            continue
        missing = set(_PARAMETER.findall(path)) - {*words, "device"}
        if missing:
            raise UnknownError(f"the page {path}: {sorted(missing)}")
        for at, name in enumerate(names if "{device}" in path else names[:1]):
            known = {**words, "device": quote(name, safe="")}
            here = _PARAMETER.sub(lambda word: known[word[1]], path)  # noqa: B023 - used at once
            yield here + _QUERY.get(path, "").format_map(known)
            if at < _WHOLE_PAGES and path.endswith("/chargers/{site}/{device}"):
                yield from (f"{here}#last=3600", f"{here}#last=0")


def _listen(page: Page, seen: _Seen) -> None:
    async def asked(one: Dialog) -> None:
        seen.dialogs += 1
        await one.dismiss()

    def said(message: ConsoleMessage) -> None:
        if message.type == "error" and not _REFUSED.search(message.text):
            seen.faults.append(f"{page.url} says {message.text}")

    page.on("dialog", asked)
    page.on("pageerror", lambda error: seen.faults.append(f"an error on {page.url}: {error}"))
    page.on("console", said)


async def _see(page: Page, path: str, seen: _Seen) -> None:
    """Wait until all is drawn, point at each chart, and look for what must not be there."""
    try:
        await settled(page)
    except TimeoutError as error:
        seen.faults.append(f"{path}: {error}")
        return
    seen.pages += 1
    for box in await page.query_selector_all("figure.chart"):
        await box.scroll_into_view_if_needed()
        await box.hover()
        seen.charts += 1
    await asyncio.sleep(0.05)
    if blank := await page.evaluate(_BLANK):
        seen.faults.append(f"{path}: {blank} charts are blank")
    forbidden = await page.evaluate("window.forbidden")
    seen.faults += [f"{path}: the policy forbids {one}" for one in forbidden]
    made = await page.evaluate("document.querySelectorAll('img[src=x], svg[onload], [onerror], [onmouseover]').length")
    seen.faults += [f"{path}: {made} elements of the attacker's"] if made else []
    linked = await page.evaluate("[...document.links].filter((one) => one.protocol === 'javascript:').length")
    seen.faults += [f"{path}: {linked} links that run"] if linked else []
    content = (await page.content()).encode()
    told = [word for word in OF_B if word in content and path != "/login"]
    seen.faults += [f"{path}: tells of B: {told[0]!r}"] if told else []
