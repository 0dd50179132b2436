"""This file tests the MQTT way in with a real mosquitto, real certificates and the access list that the docs show."""

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import aiomqtt
import pytest

from isolane.center.ingest.mqtt import MqttSubscriber
from isolane.center.ingest.settings import MqttIngest, QuotaSettings
from isolane.security.tls import client_context, server_context
from isolane.wire.uplink import Ack, Downlink, Up, decode_downlink, down_topic, up_topic
from isolane.wire.uplink import encode as encode_message
from support.broker import Broker
from support.center_process import CenterPki, OpenCenter
from support.gateways import T0_MS, FakeGateway
from support.mqtt_peer import joined
from support.stream_server import StreamServer

pytestmark = pytest.mark.broker

DOCS = Path(__file__).parents[3] / "docs" / "reference" / "api.md"


def access_list() -> str:
    found = re.search(r"```\n(user center\n.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def broker(tmp_path: Path, pki: CenterPki) -> Broker:
    acl = tmp_path / "acl"
    acl.write_text(access_list(), encoding="utf-8")
    acl.chmod(0o600)
    return Broker(tmp_path, pki.pki, f"acl_file {acl}")


@pytest.fixture
async def subscriber(broker: Broker, center: OpenCenter, pki: CenterPki) -> AsyncIterator[None]:
    broker.start()
    settings = MqttIngest(
        host="127.0.0.1",
        port=broker.port,
        ca=pki.ca,
        certificate=pki.center.certificate,
        key=pki.center.key,
        reconnect_s_max=0.1,
    )
    subscriber = MqttSubscriber(settings, center.intake, center.counters, center.gates, center.suspicions)
    task = asyncio.create_task(subscriber.run())
    await until_sessions(center, 1)
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    broker.stop()


async def until_sessions(center: OpenCenter, count: int) -> None:
    async with asyncio.timeout(20):
        while not (center.counters.mqtt_connected and center.counters.mqtt_sessions >= count):
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def gateway_client(broker: Broker, pki: CenterPki, name: str = "gw-1") -> AsyncIterator[aiomqtt.Client]:
    identity = pki.gateways[name]
    context = client_context(pki.ca, identity.certificate, identity.key)
    async with joined(broker.port, context) as client:
        await client.subscribe(down_topic("depot", name), qos=1)
        yield client


async def answers(client: aiomqtt.Client, count: int) -> list[Downlink]:
    found: list[Downlink] = []
    async with asyncio.timeout(20):
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            found.append(decode_downlink(message.payload))
            if sum(len(ack.blocks) + len(ack.gaps) for one in found for ack in one.acks) >= count:
                return found
    raise AssertionError


def acknowledged(found: list[Downlink]) -> list[int]:
    return sorted(number for one in found for ack in one.acks for number in ack.blocks)


@pytest.mark.usefixtures("subscriber")
async def test_blocks_are_acknowledged_after_their_commit(
    broker: Broker, center: OpenCenter, pki: CenterPki, gateway: FakeGateway
) -> None:
    schema = gateway.schema().schema
    async with gateway_client(broker, pki) as client:
        block = gateway.block(schema, [[1], [2]])
        await client.publish(up_topic("depot", "gw-1", Up.BLOCK), block.data, qos=1)
        (first,) = await answers(client, 1)
        assert (first.acks, first.want) == ((Ack(T0_MS, 1, (1,)),), (schema.id.hex(),))
        assert [line.blocks for line in await center.catalogue.ledger()] == [1]
        await client.publish(up_topic("depot", "gw-1", Up.SCHEMA), schema.json, qos=1)
        for _ in range(50):
            data = gateway.block(schema, [[1], [2]]).data
            await client.publish(up_topic("depot", "gw-1", Up.BLOCK), data, qos=1)
        gap = encode_message(gateway.gap(52, 60, samples=18).gap)
        await client.publish(up_topic("depot", "gw-1", Up.GAP), gap, qos=1)
        statement = encode_message(gateway.statement(60, 120, dropped=18).statement)
        await client.publish(up_topic("depot", "gw-1", Up.LEDGER), statement, qos=1)
        found = await answers(client, 51)
        assert acknowledged(found) == list(range(2, 52))
        assert [ack.gaps for one in found for ack in one.acks if ack.gaps] == [(52,)]
        assert not any(one.want for one in found)
    async with asyncio.timeout(30):
        while (await center.catalogue.ledger())[0].verdict != "balanced":
            await asyncio.sleep(0.02)


@pytest.mark.usefixtures("subscriber")
async def test_the_access_list_lets_nobody_speak_for_another(
    broker: Broker, center: OpenCenter, pki: CenterPki
) -> None:
    victim = FakeGateway(name="gw-1")
    schema = victim.schema().schema
    async with gateway_client(broker, pki, "gw-2") as client:
        with contextlib.suppress(aiomqtt.MqttError):  # MQTT 5 brokers may say that it is not allowed
            await client.publish(up_topic("depot", "gw-1", Up.BLOCK), victim.block(schema, [[1], [2]]).data, qos=1)
        own = FakeGateway(name="gw-2")
        await client.publish(up_topic("depot", "gw-2", Up.BLOCK), own.block(schema, [[1], [2]]).data, qos=1)
        await answers(client, 1)
    assert [line.gateway for line in await center.catalogue.ledger()] == ["gw-2"]


@pytest.mark.usefixtures("subscriber")
async def test_it_comes_back_after_the_broker_was_away(
    broker: Broker, center: OpenCenter, pki: CenterPki, gateway: FakeGateway
) -> None:
    broker.stop()
    async with asyncio.timeout(20):
        while center.counters.mqtt_connected:
            await asyncio.sleep(0.02)
    broker.start()
    await until_sessions(center, 2)
    async with gateway_client(broker, pki) as client:
        data = gateway.block(gateway.schema().schema, [[1], [2]]).data
        await client.publish(up_topic("depot", "gw-1", Up.BLOCK), data, qos=1)
        assert acknowledged(await answers(client, 1)) == [1]


@pytest.mark.usefixtures("subscriber")
async def test_nonsense_stops_nobody(broker: Broker, center: OpenCenter, pki: CenterPki, gateway: FakeGateway) -> None:
    async with gateway_client(broker, pki) as client:
        for kind in Up:
            for payload in (b"", b"\x00" * 1000, b"{}"):
                await client.publish(up_topic("depot", "gw-1", kind), payload, qos=1)
        await client.publish("isolane/depot/gw-1/up/firmware", b"x", qos=1)
        data = gateway.block(gateway.schema().schema, [[1], [2]]).data
        await client.publish(up_topic("depot", "gw-1", Up.BLOCK), data, qos=1)
        assert acknowledged(await answers(client, 1)) == [1]
    assert sum(center.counters.poison.values()) == 3 * len(Up)


@pytest.mark.usefixtures("subscriber")
async def test_who_floods_is_not_taken_and_another_is(
    broker: Broker, center: OpenCenter, pki: CenterPki, caplog: pytest.LogCaptureFixture
) -> None:
    full = center.gates.of("gw-1")
    for _ in range(QuotaSettings().waiting_messages_max):
        full.enter(0)
    other = FakeGateway(name="gw-2")
    schema = other.schema()
    async with gateway_client(broker, pki, "gw-1") as loud, gateway_client(broker, pki, "gw-2") as quiet:
        for _ in range(3):
            await loud.publish(up_topic("depot", "gw-1", Up.BLOCK), b"much", qos=1)
        await quiet.publish(up_topic("depot", "gw-2", Up.SCHEMA), schema.schema.json, qos=1)
        await quiet.publish(up_topic("depot", "gw-2", Up.BLOCK), other.block(schema.schema, [[1], [2]]).data, qos=1)
        assert acknowledged(await answers(quiet, 1)) == [1]
    assert center.counters.over_quota == 3
    assert caplog.text.count("security-event type=quota gateway=gw-1") == 1


class Mute(StreamServer):
    """Takes a connection and never answers."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(context)
        self.asked = asyncio.Event()
        self.left = asyncio.Event()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del writer
        while await reader.read(4096):
            self.asked.set()
        self.left.set()


async def test_told_to_stop_while_the_broker_is_silent_it_stops_and_closes(center: OpenCenter, pki: CenterPki) -> None:
    broker = Mute(server_context(pki.server.certificate, pki.server.key, pki.ca))
    await broker.start()
    settings = MqttIngest(
        host="127.0.0.1", port=broker.port, ca=pki.ca, certificate=pki.center.certificate, key=pki.center.key
    )
    subscriber = MqttSubscriber(settings, center.intake, center.counters, center.gates, center.suspicions)
    task = asyncio.create_task(subscriber.run())
    try:
        async with asyncio.timeout(20):
            await broker.asked.wait()
            task.cancel()
            await asyncio.wait({task})
            await broker.left.wait()
    finally:
        await broker.stop()
    assert task.cancelled()
    assert not center.counters.mqtt_connected
