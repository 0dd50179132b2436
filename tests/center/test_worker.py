"""This file tests workers as processes beside a center; it guards that none of them is missed when it is killed."""

import asyncio
import itertools
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import aiomqtt
import httpx
import pytest

from isolane.center.settings import CenterSettings
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.database import open_catalogue
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.inbox import InboxTaker
from isolane.center.store.settings import StoreSettings
from isolane.center.store.views import LedgerLine, SeriesQuery
from isolane.center.worker import check_worker
from isolane.core.failures import IsolaneError
from isolane.security.authority import Authority
from isolane.security.tls import client_context
from isolane.wire.uplink import Downlink, Up, decode_downlink, down_topic, encode, ingest_path, up_topic
from support.broker import Broker, Pki, free_port, make_pki
from support.gateways import FakeGateway
from support.mqtt_peer import joined
from support.patience import PATIENCE_S
from support.postgres import Postgres, running_postgres

pytestmark = pytest.mark.broker

NAMES = ("1", "2", "3")
BLOCKS = 60
SETTINGS = """
[center]
data = "unused"
[center.mqtt]
host = "127.0.0.1"
port = {broker}
ca = "{folder}/ca.pem"
certificate = "{folder}/center-{{worker}}.pem"
key = "{folder}/center-{{worker}}.key"
reconnect_s_max = 0.2
answer_s = 0
[center.https]
address = "127.0.0.1:{https}"
certificate = "{folder}/server.pem"
key = "{folder}/server.key"
client_ca = "{folder}/ca.pem"
[center.commit]
window_ms = 1
[center.store]
catalogue = "{catalogue}"
catalogue_password = "{password}"
"""


class Worker:
    """One worker's process."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._log = folder / f"worker-{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-W", "error", "-m", "isolane", "center", "-c", str(self._folder / "center.toml")]
        self._log.write_bytes(b"")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([*command, "--worker", self._name], stdout=log, stderr=log)

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def wait_for(self, sign: str) -> None:
        deadline = time.monotonic() + 30
        while re.search(sign, self.log()) is None:
            assert self._process is not None
            assert self._process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.02)

    def stop(self, number: int) -> int:
        assert self._process is not None
        os.kill(self._process.pid, number)
        code = self._process.wait(timeout=20)
        self._process = None
        return code

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with running_postgres(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture
def store(postgres: Postgres) -> StoreSettings:
    return StoreSettings(catalogue=postgres.new_database(), catalogue_password=postgres.password)


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    made = make_pki(tmp_path, "gw-1")
    for name in NAMES:
        Authority(tmp_path).issue(f"center-{name}", common_name=f"center-{name}")
    return made


class Site:
    """Broker and workers."""

    def __init__(self, folder: Path, pki: Pki, store: StoreSettings) -> None:
        self.pki = pki
        self.broker = Broker(folder, pki)
        self.https = free_port()
        assert store.catalogue_password is not None
        text = SETTINGS.format(
            broker=self.broker.port,
            https=self.https,
            folder=folder,
            catalogue=store.catalogue,
            password=store.catalogue_password.reference,
        )
        (folder / "center.toml").write_text(text, encoding="utf-8")
        self.workers = [Worker(folder, name) for name in NAMES]
        self.tls = client_context(pki.ca, pki.gateway.certificate, pki.gateway.key)


@pytest.fixture
def site(tmp_path: Path, pki: Pki, store: StoreSettings) -> Iterator[Site]:
    made = Site(tmp_path, pki, store)
    try:
        made.broker.start()
        for worker in made.workers:
            worker.start()
        for worker in made.workers:
            worker.wait_for("mqtt-up")
        yield made
    finally:
        for worker in made.workers:
            worker.end()
        made.broker.stop()


@pytest.fixture
async def center(tmp_path: Path, store: StoreSettings) -> AsyncIterator[tuple[SqlCatalogue, EmbeddedTelemetry]]:
    """The stores of a center that takes from the inbox."""
    async with AsyncExitStack() as closing:
        catalogue = SqlCatalogue(open_catalogue(store, tmp_path))
        closing.push_async_callback(catalogue.close)
        telemetry = EmbeddedTelemetry(tmp_path / "telemetry", store)
        closing.push_async_callback(telemetry.close)
        taking = asyncio.create_task(InboxTaker(catalogue.engine, telemetry).run())
        try:
            yield catalogue, telemetry
        finally:
            taking.cancel()
            await asyncio.gather(taking, return_exceptions=True)


class Sender:
    """A gateway that sends until it is told that all is committed."""

    def __init__(self, gateway: FakeGateway) -> None:
        self.gateway = gateway
        self.schema = gateway.schema().schema
        self.waiting = {
            number: gateway.block(self.schema, [[number], [number]], t0_ms=gateway.epoch + 1000 * number).data
            for number in range(1, BLOCKS + 1)
        }
        self.statement = encode(gateway.statement(BLOCKS, 2 * BLOCKS).statement)

    def hear(self, answer: Downlink) -> None:
        for ack in answer.acks:
            for number in ack.blocks:
                self.waiting.pop(number, None)

    async def by_mqtt(self, site: Site) -> None:
        async with joined(site.broker.port, site.tls) as client:
            await client.subscribe(down_topic("depot", "gw-1"), qos=1)
            hearing = asyncio.create_task(self._listen(client))
            while self.waiting:
                await client.publish(up_topic("depot", "gw-1", Up.SCHEMA), self.schema.json, qos=1)
                for data in list(self.waiting.values())[:16]:
                    await client.publish(up_topic("depot", "gw-1", Up.BLOCK), data, qos=1)
                await asyncio.wait({hearing}, timeout=0.2)
            await client.publish(up_topic("depot", "gw-1", Up.LEDGER), self.statement, qos=1)
            hearing.cancel()
            await asyncio.wait({hearing})

    async def _listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            self.hear(decode_downlink(message.payload))

    async def by_https(self, site: Site) -> None:
        """Post each until it is answered; a worker that is killed cuts the connection."""
        posts = [(Up.SCHEMA, self.schema.json), *((Up.BLOCK, data) for data in self.waiting.values())]
        for kind, data in [*posts, (Up.LEDGER, self.statement)]:
            while True:
                with suppress(httpx.TransportError):
                    async with httpx.AsyncClient(
                        verify=site.tls, base_url=f"https://127.0.0.1:{site.https}", timeout=PATIENCE_S
                    ) as http:
                        answer = await http.post(ingest_path("depot", "gw-1", kind), content=data)
                    if answer.status_code == httpx.codes.OK:
                        self.hear(decode_downlink(answer.content))
                        break
                await asyncio.sleep(0.05)


async def balanced(catalogue: SqlCatalogue) -> LedgerLine:
    async with asyncio.timeout(30):
        while not (lines := await catalogue.ledger()) or lines[0].verdict != "balanced":
            await asyncio.sleep(0.05)
    return lines[0]


@pytest.mark.parametrize("way", ["by_mqtt", "by_https"])
async def test_killed_one_after_the_other_they_lose_and_double_nothing(
    site: Site, center: tuple[SqlCatalogue, EmbeddedTelemetry], way: str
) -> None:
    catalogue, telemetry = center
    sender = Sender(FakeGateway())
    async with asyncio.timeout(90):
        sending = asyncio.create_task(getattr(sender, way)(site))
        for worker, left in zip(site.workers, itertools.count(BLOCKS - 15, -15), strict=False):
            while len(sender.waiting) > left:
                await asyncio.sleep(0.01)
            assert worker.stop(signal.SIGKILL) == -signal.SIGKILL
            worker.start()
            worker.wait_for("mqtt-up")
        await sending
    line = await balanced(catalogue)
    assert (line.blocks, line.samples, line.holes) == (BLOCKS, 2 * BLOCKS, [])
    query = SeriesQuery("depot", "CP-1", ("1.0/EVSE/Power",), sender.gateway.epoch, sender.gateway.epoch + 100_000, 200)
    async with asyncio.timeout(30):
        while sum((series := (await telemetry.series(query)).signals[0]).good) < BLOCKS:
            await asyncio.sleep(0.05)
    assert [(value, count) for value, count in zip(series.mean, series.good, strict=True) if count] == [
        (number, 1) for number in range(1, BLOCKS + 1)
    ]
    assert [worker.stop(signal.SIGTERM) for worker in site.workers] == [0, 0, 0]
    assert not any("Traceback" in worker.log() for worker in site.workers)


def test_a_set_up_that_cannot_be_shared_is_refused(tmp_path: Path, store: StoreSettings) -> None:
    alone = CenterSettings(data=tmp_path)
    with pytest.raises(IsolaneError, match="cannot share the embedded catalogue"):
        check_worker(alone, "1")
    with pytest.raises(IsolaneError, match="no way in"):
        check_worker(CenterSettings(data=tmp_path, store=store), "1")
    with pytest.raises(IsolaneError, match="worker name 'A 1'"):
        check_worker(alone, "A 1")
