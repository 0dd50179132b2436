"""This file tests workers that split one broker's stream; it guards that it does not matter who takes what."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiomqtt
import pytest

from isolane.center.ingest.mqtt import MqttSubscriber
from isolane.center.ingest.settings import MqttIngest
from isolane.center.ingest.shared import shared_filters
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.security.authority import Authority
from isolane.security.tls import client_context
from isolane.wire.anchor import Anchor
from isolane.wire.block import encode, gateway_tag
from isolane.wire.uplink import Downlink, Up, decode_downlink, down_topic, up_topic
from isolane.wire.uplink import encode as encode_message
from support.broker import Broker, Pki, make_pki
from support.center_process import OpenCenter
from support.gateways import FakeGateway
from support.mqtt_peer import joined

pytestmark = pytest.mark.broker

DOCS = Path(__file__).parents[3] / "docs" / "reference" / "uplink.md"
NAMES = ("1", "2")


def access_list() -> str:
    found = re.search(r"```\n(user center-1\n.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


class Workers:
    """Two workers over one store, in one process."""

    def __init__(self, broker: Broker, pki: Pki, stores: tuple[SqlCatalogue, EmbeddedTelemetry]) -> None:
        self.catalogue = stores[0]
        self.port = broker.port
        self.pki = pki
        self.centers = [OpenCenter(*stores) for _ in NAMES]
        self.subscribers: list[asyncio.Task[None]] = []
        self._intakes = [asyncio.create_task(center.intake.run()) for center in self.centers]
        settings = MqttIngest(
            host="127.0.0.1",
            port=broker.port,
            ca=pki.ca,
            certificate=pki.ca.parent / "center-{worker}.pem",
            key=pki.ca.parent / "center-{worker}.key",
            client_id="center",
            answer_s=0,
        )
        for name, center in zip(NAMES, self.centers, strict=True):
            own = settings.of_worker(name)
            assert own.client_id == f"center-{name}"
            subscriber = MqttSubscriber(
                own, center.intake, center.counters, center.gates, center.suspicions, is_sharing=True
            )
            self.subscribers.append(asyncio.create_task(subscriber.run()))

    @property
    def taken(self) -> list[int]:
        return [center.counters.blocks for center in self.centers]

    async def connected(self) -> None:
        async with asyncio.timeout(20):
            while not all(center.counters.mqtt_connected for center in self.centers):
                await asyncio.sleep(0.02)

    async def close(self) -> None:
        for task in (*self.subscribers, *self._intakes):
            task.cancel()
        await asyncio.gather(*self.subscribers, *self._intakes, return_exceptions=True)


@pytest.fixture(scope="session")
def workers_pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    folder = tmp_path_factory.mktemp("workers-pki")
    pki = make_pki(folder, "gw-1")
    for name in NAMES:
        Authority(folder).issue(f"center-{name}", common_name=f"center-{name}")
    return pki


@pytest.fixture
async def workers(tmp_path: Path, workers_pki: Pki, center: OpenCenter) -> AsyncIterator[Workers]:
    acl = tmp_path / "acl"
    acl.write_text(access_list(), encoding="utf-8")
    acl.chmod(0o600)
    broker = Broker(tmp_path, workers_pki, f"acl_file {acl}")
    broker.start()
    found = Workers(broker, workers_pki, (center.catalogue, center.telemetry))
    try:
        await found.connected()
        yield found
    finally:
        await found.close()
        broker.stop()


async def spoken(workers: Workers, messages: list[tuple[Up, bytes]], count: int) -> list[Downlink]:
    """Send as a gateway does, and give the answers when so many blocks and gaps are acknowledged."""
    tls = client_context(workers.pki.ca, workers.pki.gateway.certificate, workers.pki.gateway.key)
    found: list[Downlink] = []
    async with joined(workers.port, tls) as client, asyncio.timeout(30):
        await client.subscribe(down_topic("depot", "gw-1"), qos=1)
        for kind, payload in messages:
            await client.publish(up_topic("depot", "gw-1", kind), payload, qos=1)
        async for message in client.messages:
            assert isinstance(message, aiomqtt.Message)
            assert isinstance(message.payload, bytes)
            found.append(decode_downlink(message.payload))
            if sum(len(ack.blocks) + len(ack.gaps) for one in found for ack in one.acks) >= count:
                break
    return found


def test_schemas_go_to_all_and_the_rest_to_one() -> None:
    assert shared_filters("north") == [
        "$share/north/isolane/+/+/up/block",
        "isolane/+/+/up/schema",
        "$share/north/isolane/+/+/up/gap",
        "$share/north/isolane/+/+/up/ledger",
        "$share/north/isolane/+/+/up/paper",
        "$share/north/isolane/+/+/up/statement",
    ]


async def test_each_takes_a_part_and_none_lacks_an_anchor(workers: Workers, gateway: FakeGateway) -> None:
    schema = gateway.schema().schema
    tag = gateway_tag("depot", "gw-1")
    messages: list[tuple[Up, bytes]] = [(Up.SCHEMA, schema.json)]
    for number in range(60):
        arrival = gateway.block(schema, [[number + 1], [number + 2]], t0_ms=gateway.epoch + 1000 * number)
        if number % 10 == 0:
            anchor = Anchor(schema.id, arrival.block.values[:, 0])
            messages.append((Up.SCHEMA, anchor.json))
        messages.append((Up.BLOCK, encode(arrival.block, tag, anchor)))
    messages.append((Up.GAP, encode_message(gateway.gap(61, 65, samples=10).gap)))
    messages.append((Up.LEDGER, encode_message(gateway.statement(65, 130, dropped=10).statement)))
    found = await spoken(workers, messages, 61)
    assert sorted(number for one in found for ack in one.acks for number in ack.blocks) == list(range(1, 61))
    assert not any(one.want or one.poison for one in found)
    assert sum(workers.taken) == 60
    assert min(workers.taken) > 20
    async with asyncio.timeout(30):
        while (line := (await workers.catalogue.ledger())[0]).verdict != "balanced":
            await asyncio.sleep(0.02)
    assert (line.blocks, line.duplicates, line.samples) == (60, 0, 120)


async def test_one_that_goes_leaves_all_to_the_other(workers: Workers, gateway: FakeGateway) -> None:
    workers.subscribers[0].cancel()
    await asyncio.wait(workers.subscribers[:1])
    schema = gateway.schema().schema
    blocks = [(Up.BLOCK, gateway.block(schema, [[n], [n]], t0_ms=gateway.epoch + n).data) for n in range(20)]
    found = await spoken(workers, [(Up.SCHEMA, schema.json), *blocks], 20)
    assert workers.taken == [0, 20]
    assert not any(one.want for one in found)


async def test_one_that_came_late_asks_the_gateway_once(workers: Workers, gateway: FakeGateway) -> None:
    """As after a restart: the anchor went by before it listened; sent again it reaches all."""
    schema = gateway.schema().schema
    arrival = gateway.block(schema, [[1], [2]])
    anchor = Anchor(schema.id, arrival.block.values[:, 0])
    data = encode(arrival.block, gateway_tag("depot", "gw-1"), anchor)
    early = await workers.centers[0].intake.receive("depot", "gw-1", Up.BLOCK, data)
    assert early.downlink.want == (anchor.id.hex(),)
    found = await spoken(workers, [(Up.SCHEMA, schema.json), (Up.SCHEMA, anchor.json), (Up.BLOCK, data)], 1)
    assert not any(one.want for one in found)
