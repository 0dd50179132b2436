"""This file tests the center as a process; it guards that what it has acknowledged survives its sudden death, once."""

import asyncio
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from isolane.center.app import run, watched_certificates
from isolane.center.settings import CenterSettings
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.port import Batch, BlockArrival
from isolane.center.store.views import SeriesQuery
from isolane.config.load import load
from isolane.config.values import Address
from isolane.core.failures import IsolaneError
from isolane.security.tls import client_context
from isolane.wire.uplink import Up, decode_downlink, encode, ingest_path
from support.broker import free_port
from support.center_process import CenterPki, CenterProcess
from support.gateways import T0_MS, FakeGateway
from support.scrape import scrape

SETTINGS = """
[center]
data = "data"
console = "127.0.0.1:0"
metrics = "127.0.0.1:{metrics}"

[center.https]
address = "127.0.0.1:0"
certificate = "{server.certificate}"
key = "{server.key}"
client_ca = "{ca}"

[center.commit]
window_ms = 0
"""
DYING = Path(__file__).parents[1] / "support" / "dying_center.py"


@pytest.fixture
def metrics() -> int:
    return free_port()


@pytest.fixture
def process(tmp_path: Path, pki: CenterPki, metrics: int) -> Iterator[CenterProcess]:
    process = CenterProcess(tmp_path, SETTINGS.format(metrics=metrics, server=pki.server, ca=pki.ca))
    yield process
    process.end()


def client(pki: CenterPki, process: CenterProcess) -> httpx.Client:
    identity = pki.gateways["gw-1"]
    context = client_context(pki.ca, identity.certificate, identity.key)
    return httpx.Client(verify=context, base_url=process.ingest)


def test_the_ends_of_all_certificates_that_it_uses_or_issues_with_are_watched(tmp_path: Path, pki: CenterPki) -> None:
    text = SETTINGS.format(metrics=1, server=pki.server, ca=pki.ca)
    enrolment = '[center.enrolment]\naddress = "127.0.0.1:0"\nissuer = "issuing"\nserver_ca = "server-ca.pem"\n'
    file = tmp_path / "center.toml"
    file.write_text(text + enrolment, encoding="utf-8")
    files = [pki.server.certificate, pki.ca, tmp_path / "issuing/ca.pem", tmp_path / "server-ca.pem"]
    assert watched_certificates(load(file, "center", CenterSettings)) == files


def test_it_takes_shows_and_stops(process: CenterProcess, pki: CenterPki, metrics: int) -> None:
    gateway = FakeGateway(epoch=time.time_ns() // 1_000_000)
    schema = gateway.schema().schema
    process.start()
    with client(pki, process) as http, httpx.Client(base_url=f"http://127.0.0.1:{process.console}") as console:
        http.post(ingest_path("depot", "gw-1", Up.SCHEMA), content=schema.json)
        data = gateway.block(schema, [[1], [2]], t0_ms=gateway.epoch).data
        http.post(ingest_path("depot", "gw-1", Up.BLOCK), content=data)
        (charger,) = console.get("/api/v1/chargers").json()
        assert (charger["charger"], charger["online"], charger["power_w"]) == ("CP-1", True, 1)
        page = console.get("/")
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "CP-1" in page.text
        assert "unsafe" not in page.headers["content-security-policy"]
        assert console.get("/static/nothing.js").status_code == 404
        numbers = scrape(metrics)
        assert "isolane_center_blocks_total 1.0" in numbers
        assert 'isolane_center_ledger_streams{verdict="hole"} 0.0' in numbers
        with console.stream("GET", "/api/v1/live"):
            assert process.stop() == 0
    assert "Traceback" not in process.log()
    assert process.log().rstrip().endswith("stopped")


async def test_it_says_in_one_sentence_what_keeps_it_from_starting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = Address("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(IsolaneError, match=r"cannot open 127.0.0.1:\d+ \(\[center\] console\): Address already"):
            await run(CenterSettings(data=tmp_path, console=address))
    with pytest.raises(IsolaneError, match="would show the console to the network"):
        await run(CenterSettings(data=tmp_path, console=Address("0.0.0.0", 0)))
    (tmp_path / "file").touch()
    with pytest.raises(IsolaneError, match="cannot open"):
        await run(CenterSettings(data=tmp_path / "file", console=Address("127.0.0.1", 0)))


def test_a_killed_center_keeps_all_it_has_acknowledged(process: CenterProcess, pki: CenterPki) -> None:
    """A gateway sends until it is acknowledged, as gateways do; the center is killed again and again."""
    gateway = FakeGateway(epoch=time.time_ns() // 1_000_000)
    schema = gateway.schema().schema
    blocks = [gateway.block(schema, [[n], [n]], t0_ms=gateway.epoch + 1000 * n).data for n in range(1, 31)]
    waiting, lost = deque(enumerate(blocks, 1)), set(range(5, 31, 5))
    for lifetime in (9, 17, 1000):
        sends = lifetime
        process.start()
        with client(pki, process) as http:
            http.post(ingest_path("depot", "gw-1", Up.SCHEMA), content=schema.json)
            while waiting and sends:
                number, data = waiting[0]
                answer = http.post(ingest_path("depot", "gw-1", Up.BLOCK), content=data)
                assert decode_downlink(answer.content).acks[0].blocks == (number,)
                if number in lost:
                    lost.remove(number)  # its answer is lost on its way, so it is sent again
                else:
                    waiting.popleft()
                sends -= 1
        if waiting:
            process.stop(signal.SIGKILL)
    with client(pki, process) as http, httpx.Client(base_url=f"http://127.0.0.1:{process.console}/api/v1") as console:
        statement = encode(gateway.statement(30, 60).statement)
        http.post(ingest_path("depot", "gw-1", Up.LEDGER), content=statement)
        (line,) = console.get("/ledger").json()
        assert (line["verdict"], line["blocks"], line["samples"], line["holes"]) == ("balanced", 30, 60, [])
        span = f"from_ms={gateway.epoch}&to_ms={gateway.epoch + 100_000}&points=5"
        asked = f"site=depot&charger=CP-1&signal=1.0/EVSE/Power&{span}"
        (series,) = console.get(f"/series?{asked}").json()["signals"]
        assert sum(series["good"]) == 30
    assert process.stop() == 0


@pytest.mark.parametrize("place", ["telemetry", "catalogue"])
async def test_death_between_commit_and_acknowledgement_is_healed_by_sending_again(
    tmp_path: Path,
    open_telemetry: Callable[[], EmbeddedTelemetry],
    open_catalogue: Callable[[], SqlCatalogue],
    place: str,
) -> None:
    gateway = FakeGateway()
    schema = gateway.schema()
    blocks = tuple(gateway.block(schema.schema, [[n], [n]], t0_ms=T0_MS + 1000 * n) for n in range(5))
    files = _files(tmp_path, schema.schema.json, blocks)
    killed = await asyncio.create_subprocess_exec(sys.executable, DYING, tmp_path, place, *files)
    assert await asyncio.wait_for(killed.wait(), 60) == -signal.SIGKILL
    telemetry, catalogue = open_telemetry(), open_catalogue()
    batch = Batch(schemas=(schema,), blocks=blocks)
    again = await telemetry.commit(batch)
    assert (again.blocks, again.duplicates) == (0, 5)
    await catalogue.admit(gateway.origin())
    await catalogue.record(batch)
    await catalogue.record(Batch(ledgers=(gateway.statement(5, 10),)))
    (line,) = await catalogue.ledger()
    assert (line.verdict, line.blocks, line.samples) == ("balanced", 5, 10)
    assert line.duplicates == (5 if place == "catalogue" else 0)
    query = SeriesQuery("depot", "CP-1", ("1.0/EVSE/Power",), T0_MS, T0_MS + 5000, 10)
    assert (await telemetry.series(query)).signals[0].mean == [0, 1, 2, 3, 4]


def _files(folder: Path, schema: bytes, blocks: tuple[BlockArrival, ...]) -> list[Path]:
    made = [folder / "0.schema"]
    made[0].write_bytes(schema)
    for number, block in enumerate(blocks):
        made.append(folder / f"{number}.block")
        made[-1].write_bytes(block.data)
    return made
