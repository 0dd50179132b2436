"""This file sends one signal in two streams, once a second and in a burst of 10 Hz, over a real link to a real center.

It guards that the two are stored apart, each with books that balance to the sample, and that the float of a signal
without a resolution is at the center what its device said.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from isolane.config.site import Site
from isolane.core.clock import SystemClock
from isolane.core.samples import Quality
from isolane.health.links.https.settings import HttpsSettings
from isolane.health.outbox.settings import OutboxSettings
from isolane.health.pipeline import Pipeline
from isolane.health.rhythm import BURST
from isolane.health.rhythm import SITE as SITE_STREAM
from isolane.health.sampling.settings import FastSettings, SamplingSettings
from isolane.health.settings import HealthSettings
from isolane.health.sources.http_json.settings import HttpJsonSettings, JsonPointSettings
from isolane.health.sources.modbus.settings import DeviceSettings, ModbusSettings
from isolane.wire.block import decode
from isolane.wire.floats import number
from support.broker import Pki, make_pki
from support.center_process import HTTPS_CENTER, CenterProcess
from support.modbus_peer import ModbusPeer, good
from support.outboxes import GATEWAY, SITE, TAG, is_balanced, until
from support.patience import PATIENCE_S
from support.stream_server import StreamServer

TEMPLATE = """
maker = "Test"
model = "Three points"
hole_max = 0
points = [
  { key = "EVSE/DCCurrent", address = 1, type = "u16", unit = "A", scale = 0.1, resolution = 0.1 },
]
[source]
title = "None"
url = "none"
"""
CURRENT, BARE = "1.0/EVSE/DCCurrent", "1.0/EVSE/xDistortion"
FLOAT = 0.1 + 0.2
ROWS_MIN = 12


class JsonPeer(StreamServer):
    """Says a float of which nobody knows the step."""

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            body = f'{{"thd": {FLOAT!r}}}'.encode()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
            writer.write(b"content-length: %d\r\n\r\n%b" % (len(body), body))
            await writer.drain()


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("pki"), GATEWAY)


@pytest.fixture
def center(tmp_path: Path, pki: Pki) -> Iterator[CenterProcess]:
    process = CenterProcess(tmp_path, HTTPS_CENTER.format(pki=pki))
    process.start()
    yield process
    process.end()


@dataclass
class Gateway:
    """A running pipeline, and what tells it to end."""

    pipeline: Pipeline
    stop: asyncio.Event
    task: asyncio.Task[None]

    async def end(self) -> None:
        self.stop.set()
        async with asyncio.timeout(60):
            await self.task


@asynccontextmanager
async def gateway(folder: Path, pki: Pki, center: CenterProcess) -> AsyncIterator[Gateway]:
    meter, sensor = ModbusPeer(good), JsonPeer()
    await meter.start()
    await sensor.start()
    template = folder / "two.toml"
    template.write_text(TEMPLATE, encoding="utf-8")
    device = DeviceSettings(charger="CP-1", template_file=template, rapid=("EVSE/DCCurrent",))
    point = JsonPointSettings(charger="CP-1", key=BARE, unit="Percent", resolution=0, path="thd")
    link = HttpsSettings(
        url=center.ingest,
        ca=pki.ca,
        certificate=pki.gateway.certificate,
        key=pki.gateway.key,
        ledger_s=1,
    )
    settings = HealthSettings(
        sampling=SamplingSettings(fast=FastSettings(step_ms=100, block_rows=10)),
        outbox=OutboxSettings(path=folder / "outbox.db", block_rows=1),
        sources=(
            ModbusSettings(name="m", address=meter.address, devices=(device,), rapid_s=0.1, rapid_when="bursts"),
            HttpJsonSettings(name="j", url=f"http://{sensor.address}/", points=(point,), period_s=1),
        ),
        links=(link,),
        flush_s=30,
    )
    pipeline = Pipeline(Site(name=SITE, gateway=GATEWAY, run_dir=folder), settings, SystemClock())
    await pipeline.outbox.open()
    stop = asyncio.Event()
    running = Gateway(pipeline, stop, asyncio.create_task(pipeline.run(stop)))
    try:
        yield running
    finally:
        running.task.cancel()
        await asyncio.gather(running.task, return_exceptions=True)
        await sensor.stop()
        await meter.stop()


def stored(folder: Path) -> list[tuple[int, int, int, bytes]]:
    """Read the center's hot blocks: (stream, step_ms, samples, bytes)."""
    with closing(sqlite3.connect(folder / "data" / "telemetry" / "hot.sqlite3")) as hot:
        return hot.execute("SELECT stream, step_ms, samples, data FROM block ORDER BY stream, sequence").fetchall()


async def burst_samples(made: Pipeline) -> int:
    return sum(entry.produced for entry in await made.outbox.entries() if entry.stream == BURST)


async def test_a_burst_and_the_seconds_of_one_signal_are_stored_apart(
    tmp_path: Path, pki: Pki, center: CenterProcess
) -> None:
    async with gateway(tmp_path, pki, center) as running:
        made = running.pipeline
        seconds_grid, fast = made.rhythms[0].grid, made.rhythms[1]
        assert (fast.beat.stream, fast.beat.in_bursts) == (BURST, True)
        clock = SystemClock()
        await until(lambda: bool(((seconds_grid.row(clock.mono_ns()).codes & 3) != Quality.BAD).all()), "both are read")
        async with asyncio.timeout(60):
            while await burst_samples(made) < ROWS_MIN:
                made.burst(1.0)
                before = made.counts.blocks
                await until(partial(lambda least: made.counts.blocks >= least, before + 3), "rows are stored")
        await running.end()
        tally = made.outbox.tally
    assert is_balanced(tally)
    assert (tally.queued, tally.dropped, tally.acknowledged) == (0, {}, tally.produced)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{center.console}/api/v1", timeout=PATIENCE_S) as console:
        lines: list[dict[str, Any]] = (await console.get("/ledger")).json()
        (charger,) = (await console.get("/chargers")).json()
    assert charger["charger"] == "CP-1"
    assert {line["stream"]: line["verdict"] for line in lines} == {SITE_STREAM: "balanced", BURST: "balanced"}
    assert sum(line["samples"] for line in lines) == tally.produced
    blocks = stored(tmp_path)
    assert {(stream, step_ms) for stream, step_ms, _, _ in blocks} == {(SITE_STREAM, 1000), (BURST, 100)}
    for line in lines:
        own = [samples for stream, _, samples, _ in blocks if stream == line["stream"]]
        assert (sum(own), len(own)) == (line["samples"], line["blocks"])
        assert line["produced"] == line["acknowledged"] == line["samples"]
    seconds = [decode(data, TAG) for stream, _, _, data in blocks if stream == SITE_STREAM]
    burst = [decode(data, TAG) for stream, _, _, data in blocks if stream == BURST]
    assert len({block.t0_ms for block in seconds}) == len(seconds), "no second twice"
    assert {block.values.shape[0] for block in burst} == {1}
    assert sum(block.values.shape[1] for block in burst) >= ROWS_MIN
    told = {int(block.values[1, 0]) for block in seconds if block.codes[1, 0] & 3 != Quality.BAD}
    assert [number(bits) for bits in told] == [FLOAT]
    assert {int(value) for block in burst for value in block.values[(block.codes & 3) != Quality.BAD]} == {2301}
