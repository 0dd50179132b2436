"""This file lets a contactor weld in front of a real gateway, with a real link to a real center.

It guards that what a part is worth gets from a sample to the center's books, at once where it matters, and that papers
are in the ledger as samples are.
"""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from isolane.config.site import Site
from isolane.core.clock import SystemClock
from isolane.health.links.https.settings import HttpsSettings
from isolane.health.outbox.settings import OutboxSettings
from isolane.health.pipeline import Pipeline
from isolane.health.settings import HealthSettings
from isolane.health.sources.http_json.settings import HttpJsonSettings, JsonPointSettings
from isolane.wire.paper import PAPERS
from support.broker import Pki, make_pki
from support.center_process import HTTPS_CENTER, CenterProcess
from support.outboxes import GATEWAY, SITE, is_balanced, until
from support.stream_server import StreamServer

POINTS = {
    "EVSE/DCCurrent": ("A", "current"),
    "EVSE/DCVoltage": ("V", "volts"),
    "PowerContactor/Active": ("", "closed"),
    "PowerContactor/xCommand": ("", "told"),
    "PowerContactor/xOutputVoltage": ("V", "volts"),
}


class Welded(StreamServer):
    """A charger that is told to open and does not."""

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            body = json.dumps({"current": 0, "volts": 400, "closed": 1, "told": 0}).encode()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
            writer.write(b"content-length: %d\r\n\r\n%b" % (len(body), body))
            await writer.drain()


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    folder = tmp_path / "pki"
    folder.mkdir()
    return make_pki(folder, GATEWAY)


@pytest.fixture
def center(tmp_path: Path, pki: Pki) -> Iterator[CenterProcess]:
    process = CenterProcess(tmp_path, HTTPS_CENTER.format(pki=pki))
    process.start()
    yield process
    process.end()


def _asked(folder: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"file:{folder / 'data/catalogue.sqlite3'}?mode=ro", uri=True)) as file:
        return file.execute(query).fetchall()


async def test_a_weld_stands_in_the_center_s_books(tmp_path: Path, pki: Pki, center: CenterProcess) -> None:
    charger = Welded()
    await charger.start()
    points = tuple(
        JsonPointSettings(charger="CP-1", key=f"1.0/{key}", unit=unit, resolution=1, path=path)
        for key, (unit, path) in POINTS.items()
    )
    link = HttpsSettings(
        url=center.ingest, ca=pki.ca, certificate=pki.gateway.certificate, key=pki.gateway.key, ledger_s=1
    )
    settings = HealthSettings(
        outbox=OutboxSettings(path=tmp_path / "outbox.db"),
        sources=(HttpJsonSettings(name="j", url=f"http://{charger.address}/", points=points, period_s=1),),
        links=(link,),
        flush_s=30,
    )
    pipeline = Pipeline(Site(name=SITE, gateway=GATEWAY, run_dir=tmp_path), settings, SystemClock())
    keys = {column.key for column in pipeline.schema.columns}
    assert "1.0/PowerContactor/xSoH" in keys
    await pipeline.outbox.open()
    stop = asyncio.Event()
    running = asyncio.create_task(pipeline.run(stop))
    try:
        query = "SELECT charger, place, level FROM health_parts WHERE measure = 'weld'"
        await until(lambda: bool(_asked(tmp_path, query)), "the weld is filed", 60)
        assert _asked(tmp_path, query) == [("CP-1", "1.0", 4)]
    finally:
        stop.set()
        await asyncio.wait({running}, timeout=60)
        await charger.stop()
    tally = pipeline.outbox.tally
    assert is_balanced(tally)
    assert tally.queued == 0
    assert _asked(tmp_path, f"SELECT samples FROM book WHERE stream = {PAPERS}")  # noqa: S608 - a number of ours
    assert (tmp_path / "outbox.models").exists()
    assert _asked(tmp_path, "SELECT count(*) FROM papers WHERE NOT filed") == [(0,)]
