"""This file sends a snapshot of the scene's first charger; it guards that its page has all it can have."""

import asyncio
import hashlib
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from bench.screenshots.fleet import Gateway

from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.port import Batch, Origin, PaperArrival
from isolane.config.site import Site
from isolane.core.signals import Signal
from isolane.health.recorder.facts import Heard, Line
from isolane.health.recorder.film import Film
from isolane.health.recorder.keeper import Batch as Step
from isolane.health.recorder.keeper import Keeper
from isolane.health.recorder.rows import Row, Stream
from isolane.health.recorder.settings import RecorderSettings
from isolane.wire.block import BlockKey
from isolane.wire.paper import PAPERS, Paper
from isolane.wire.schema import Schema
from isolane.wire.snapshot import (
    CARD,
    CHUNK,
    CHUNK_BYTES,
    WHOLE,
    Card,
    CardTrigger,
    Chunk,
    Standout,
    Trigger,
    encode_card,
    encode_chunk,
)
from isolane.wire.tap_event import StatusChanged

SNAPSHOT = "0" * 31 + "1"
AWAITED = "0" * 31 + "2"
"""Of which only the card has come."""
_ROWS_S, _AFTER_S = 240, 60
_FILED_S = 60.0
_CURRENT, _CONTACTOR, _HEAT = "1.1/EVSE/DCCurrent", "1.1/PowerContactor/Active", "1.1/TemperatureSensor/Temperature"
_KIND = "contactor-under-load"


class _Clock:
    """Both clocks, moved by hand."""

    def __init__(self, utc_ms: int) -> None:
        self.utc_ms = utc_ms

    def mono_ns(self) -> int:
        return self.utc_ms * 1_000_000

    utc_ns = mono_ns


async def send_snapshots(catalogue: SqlCatalogue, folder: Path, gateway: Gateway) -> None:
    """Send one with its file, and the card of another, and wait until the center has filed them.

    Args:
        catalogue: Of the scene.
        folder: The center's data.
        gateway: It has been seen.
    """
    site, charger = gateway.site, gateway.chargers[0]
    at_ms = int(time.time()) * 1000 - 600_000
    data = await asyncio.to_thread(_recorded, site, gateway.name, charger, at_ms)
    standouts = (Standout(charger, _CURRENT, "A", 182.4, 0.0, 311.0), Standout(charger, _CONTACTOR, "", 1.0, 0.0, 1.0))
    seen = CardTrigger(_KIND, 4, at_ms, _CONTACTOR, "0 at 182.4 A")
    card = Card(
        id=SNAPSHOT, charger=charger, state=WHOLE, level=4, begun_ms=at_ms, from_ms=at_ms - _ROWS_S * 1000,
        to_ms=at_ms + _AFTER_S * 1000, triggers=(seen,), standouts=standouts, firmware="Isolane DC150 2.4.1",
        size=len(data), sha256=hashlib.sha256(data).hexdigest(),
    )  # fmt: skip
    fault = CardTrigger("fault", 3, at_ms + 300_000, "StatusNotification", "Faulted")
    awaited = Card(
        id=AWAITED, charger=charger, state="open", level=3, begun_ms=fault.t_ms, from_ms=at_ms, to_ms=fault.t_ms,
        triggers=(fault,), standouts=standouts,
    )  # fmt: skip
    total, parts = (
        hashlib.sha256(data).digest(),
        [data[at : at + CHUNK_BYTES] for at in range(0, len(data), CHUNK_BYTES)],
    )
    chunks = [
        Chunk(snapshot=SNAPSHOT, number=at, parts=len(parts), size=len(data), sha256=total, data=part)
        for at, part in enumerate(parts)
    ]
    bodies = [(CARD, encode_card(card)), (CARD, encode_card(awaited)), *((CHUNK, encode_chunk(one)) for one in chunks)]
    origin, epoch = Origin(site, gateway.name, at_ms), at_ms + 1
    papers = (
        Paper(BlockKey(epoch, PAPERS, number), epoch, kind, body) for number, (kind, body) in enumerate(bodies, 1)
    )
    await catalogue.record(Batch(papers=tuple(PaperArrival(origin, paper) for paper in papers)))
    async with asyncio.timeout(_FILED_S):
        while not _is_filed(folder):  # noqa: ASYNC110 - a file has no event
            await asyncio.sleep(0.05)


def _is_filed(folder: Path) -> bool:
    return any(folder.rglob(f"{SNAPSHOT}.mcap"))


def _recorded(site: str, gateway: str, charger: str, at_ms: int) -> bytes:
    """Have the recorder write a contactor that opens under load."""
    schema = Schema.of(
        (
            Signal(charger, _CURRENT, "A", 0.1),
            Signal(charger, _CONTACTOR, "", 1),
            Signal(charger, _HEAT, "Celsius", 0.1),
            Signal("", "0.0/RealTimeClock/xOffset", "s", 1e-6),
        )
    )
    fast = Stream(2, Schema.of((Signal(charger, "1.1/PowerContactor/xOutputVoltage", "V", 0.1),)), 100)
    stream, clock = Stream(0, schema, 1000), _Clock(at_ms - _ROWS_S * 1000)
    with TemporaryDirectory() as name:
        folder = Path(name)
        where = Site(name=site, gateway=gateway, run_dir=folder)
        keeper = Keeper(RecorderSettings(), folder, where, clock, None)
        keeper.open()
        while clock.utc_ms < at_ms + _AFTER_S * 1000:
            step = Step()
            for _ in range(5):
                step.rows += _rows(stream, fast, clock.utc_ms, at_ms)
                clock.utc_ms += 1000
            word = "Charging" if clock.utc_ms < at_ms else "Faulted"
            step.heard.append(Heard(clock.utc_ms, StatusChanged(charger, clock.mono_ns(), 1, 1, word, "NoError")))
            step.lines.append(Line(clock.utc_ms, 20, "isolane.health", "row-taken"))
            keeper.step(step)
        head = {"id": SNAPSHOT, "site": site, "gateway": gateway, "charger": charger, "software.isolane": "0"}
        film = Film(folder / "one.mcap", head, charger, at_ms - _ROWS_S * 1000)
        film.mark(Trigger(kind=_KIND, charger=charger, t_ms=at_ms, level=4, what=_CONTACTOR, value="0 at 182.4 A"))
        film.clock({"source": "the kernel's UTC clock"})
        film.feed(keeper.ring.read(at_ms - _ROWS_S * 1000, clock.utc_ms), clock.utc_ms)
        film.end(None)
        return film.path.read_bytes()


def _rows(stream: Stream, fast: Stream, t_ms: int, at_ms: int) -> list[Row]:
    wave = t_ms // 1000 % 9
    is_on = t_ms < at_ms
    values = np.array([(1820 + wave) * is_on, is_on, 455 + wave // 3, 12], np.int64)
    rows = [Row(stream, t_ms, values, np.zeros(4, np.uint8))]
    if abs(t_ms - at_ms) < 5000:
        rows += [
            Row(fast, t_ms + 100 * part, np.array([(9000 + part) * is_on], np.int64), np.zeros(1, np.uint8))
            for part in range(10)
        ]
    return rows
