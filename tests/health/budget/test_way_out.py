"""This file leads real links over the way out: their TLS ends in them, checks names, and everything is counted."""

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path

import aiomqtt
import httpx
import pytest

from isolane.health.budget.settings import BudgetSettings
from isolane.health.links.https.connect import client
from isolane.health.links.https.settings import HttpsSettings
from isolane.health.links.mqtt.connect import connected
from isolane.health.links.mqtt.settings import MqttSettings
from isolane.health.links.way import Dialer
from isolane.security.tls import server_context
from support.broker import Broker, Pki, free_port, make_pki, stopping
from support.budget_ways import World
from support.listening import listening
from support.outboxes import GATEWAY, until

RATE = BudgetSettings(rate_kbit_s=4000)
BODY = bytes(range(256)) * 100


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    """Certificates of a server that has another name."""
    return make_pki(tmp_path_factory.mktemp("elsewhere"), GATEWAY, ("elsewhere.example",))


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory, pki: Pki) -> Iterator[Broker]:
    with stopping(Broker(tmp_path_factory.mktemp("broker"), pki)) as started:
        started.start()
        yield started


def _mqtt(pki: Pki, port: int, dead_s: int = 10) -> MqttSettings:
    who = pki.gateway
    return MqttSettings(host="127.0.0.1", port=port, ca=pki.ca, certificate=who.certificate, key=who.key, dead_s=dead_s)


def _https(pki: Pki, port: int) -> HttpsSettings:
    who = pki.gateway
    return HttpsSettings(url=f"https://127.0.0.1:{port}", ca=pki.ca, certificate=who.certificate, key=who.key)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Give a request's body back."""
    head = await reader.readuntil(b"\r\n\r\n")
    body = await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
    await writer.drain()
    writer.close()


async def _settled(world: World) -> None:
    await until(lambda: not world.way.passages("a"), "the passage has ended")


async def test_mqtt_says_and_hears_over_it(broker: Broker, pki: Pki) -> None:
    world = World(RATE)
    settings = _mqtt(pki, broker.port)
    dialer = Dialer(world.way.of("a"), world.counts, settings.dead_s)
    async with asyncio.timeout(30), connected(settings, GATEWAY, dialer=dialer) as session:
        await session.subscribe("north/#", qos=1)
        assert await session.deliver("north/x", BODY, 20) is None
        message = await anext(aiter(session.messages))
        assert message.payload == BODY
    await _settled(world)
    assert world.counts.socket_sent_bytes > len(BODY) + 1000  # the handshake and the records
    assert world.counts.socket_received_bytes > len(BODY) + 1000
    assert sum(world.spent) > world.counts.socket_sent_bytes + world.counts.socket_received_bytes


async def test_https_asks_and_is_answered_over_it(pki: Pki) -> None:
    world = World(RATE)
    context = server_context(pki.server.certificate, pki.server.key, pki.ca)
    async with listening(_answer, context) as port:
        async with asyncio.timeout(30), client(_https(pki, port), world.counts, world.way.of("a")) as requests:
            assert (await requests.post("/x", content=BODY)).content == BODY
        await _settled(world)
    assert min(world.counts.socket_sent_bytes, world.counts.socket_received_bytes) > len(BODY) + 1000


async def test_a_server_of_another_name_is_refused_by_both(tmp_path: Path, elsewhere: Pki) -> None:
    world = World(RATE)
    way = world.way.of("a")
    with stopping(Broker(tmp_path, elsewhere)) as other:
        other.start()
        settings = _mqtt(elsewhere, other.port)
        with pytest.raises((aiomqtt.MqttError, ssl.SSLCertVerificationError), match="IP address mismatch"):
            async with asyncio.timeout(30), connected(settings, GATEWAY, dialer=Dialer(way, world.counts, 10)):
                pass
    context = server_context(elsewhere.server.certificate, elsewhere.server.key, elsewhere.ca)
    async with (
        listening(_answer, context) as port,
        asyncio.timeout(30),
        client(_https(elsewhere, port), world.counts, way) as requests,
    ):
        with pytest.raises(httpx.ConnectError, match="IP address mismatch"):
            await requests.post("/x", content=BODY)
    await _settled(world)


async def test_nobody_there_is_an_error_of_the_link_s_own_kind(pki: Pki) -> None:
    world = World(RATE)
    way, port = world.way.of("a"), free_port()
    with pytest.raises(aiomqtt.MqttError):
        async with connected(_mqtt(pki, port), GATEWAY, dialer=Dialer(way, world.counts, 10)):
            pass
    async with client(_https(pki, port), world.counts, way) as requests:
        with pytest.raises(httpx.ConnectError):
            await requests.post("/x", content=BODY)


async def _listen_until_killed(broker: Broker, settings: MqttSettings, dialer: Dialer) -> None:
    async with asyncio.timeout(30), connected(settings, GATEWAY, dialer=dialer) as session:
        await session.subscribe("north/#", qos=1)
        broker.stop()
        await anext(aiter(session.messages))


async def test_a_broker_that_is_killed_ends_the_session(tmp_path: Path, pki: Pki) -> None:
    world = World(RATE)
    with stopping(Broker(tmp_path, pki)) as broker:
        broker.start()
        settings = _mqtt(pki, broker.port)
        dialer = Dialer(world.way.of("a"), world.counts, settings.dead_s)
        with pytest.raises(aiomqtt.MqttError):
            await _listen_until_killed(broker, settings, dialer)
    await _settled(world)
