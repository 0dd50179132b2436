"""This file subscribes at a real broker, and at ones that do not behave; it guards that each failure has its reason."""

import asyncio
import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from isolane.config.values import Address, Secret
from isolane.core.clock import SystemClock
from isolane.core.failures import IsolaneError
from isolane.core.samples import Reason
from isolane.health.sources.mqtt.settings import MqttSourceSettings, TopicPointSettings
from isolane.health.sources.mqtt.source import MqttSource
from isolane.security.tls import client_context
from support.broker import Broker, Pki, free_port, stopping
from support.listening import listening
from support.readings import Kept, running
from support.together import together

pytestmark = pytest.mark.broker

PASSWD = "/usr/bin/mosquitto_passwd"
CABINET = "0.0/TemperatureSensor[Cabinet]/Temperature"
DOOR = "0.0/xDoor/xOpen"
DATED = "0.0/xFan/FanSpeed"
POINTS = (
    TopicPointSettings(key=CABINET, unit="Celsius", resolution=0.1, topic="site/+/climate", path="t[0]", period_s=0.5),
    TopicPointSettings(key=DOOR, topic="site/door", map={"open": 1, "shut": 0}, period_s=0.5),
    TopicPointSettings(key=DATED, unit="RPM", topic="site/fan", path="rpm", time_path="at", period_s=0.5),
)


@pytest.fixture
def secret(tmp_path: Path) -> Secret:
    (tmp_path / "secret").write_text("s3cret\n", encoding="utf-8")
    return Secret.parse("file:secret", tmp_path)


@pytest.fixture
def plain() -> int:
    return free_port()


@pytest.fixture
def broker(tmp_path: Path, pki: Pki, plain: int) -> Iterator[Broker]:
    """A broker that asks for a certificate on its TLS port, and for a password on the plain one."""
    passwords = tmp_path / "passwords"
    subprocess.run([PASSWD, "-b", "-c", passwords, "reader", "s3cret"], check=True, capture_output=True)
    with stopping(Broker(tmp_path, pki, f"listener {plain} 127.0.0.1\npassword_file {passwords}")) as made:
        start(made, plain)
        yield made


def start(broker: Broker, plain: int) -> None:
    """Start a broker and wait until it listens on its second port as well."""
    broker.start()
    deadline = time.monotonic() + 10
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", plain), 0.1):
            return
        assert time.monotonic() < deadline
        time.sleep(0.01)


def table(port: int, secret: Secret | None = None, **more: object) -> MqttSourceSettings:
    basics: dict[str, object] = {"reconnect_s_max": 0.2, "timeout_s": 3, **more}
    if secret is not None:
        basics |= {"user": "reader", "password": secret}
    address = Address("127.0.0.1", port)
    return MqttSourceSettings(name="b", address=address, points=POINTS, **basics)  # type: ignore[arg-type]


def writer_of(port: int) -> aiomqtt.Client:
    return aiomqtt.Client("127.0.0.1", port, username="reader", password="s3cret")


async def publish(plain: int, kept: Kept, until: str, topic: str, payload: str, *, retain: bool = False) -> None:
    """Publish until a signal has a good value: a subscription may not be there yet."""
    async with writer_of(plain) as client:
        deadline = time.monotonic() + 10
        while kept.value(until) is None:
            assert time.monotonic() < deadline
            await client.publish(topic, payload, retain=retain)
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("version", ["5", "3.1.1"])
@pytest.mark.usefixtures("broker")
async def test_messages_become_readings(plain: int, secret: Secret, version: str) -> None:
    async with running(MqttSource(table(plain, secret, version=version), SystemClock())) as kept:
        await publish(plain, kept, CABINET, "site/north/climate", '{"t": [21.5]}')
        await publish(plain, kept, DOOR, "site/door", "open")
        await publish(plain, kept, DATED, "site/fan", f'{{"rpm": 900, "at": {time.time() - 30}}}')
        assert kept.value(CABINET) == 21.5
        assert kept.value(DOOR) == 1
        fan = next(each for each in kept.good() if each.signal == DATED)
        assert 28 < (SystemClock().mono_ns() - fan.source_mono_ns) / 1e9 < 45
        # Silence after that is told as such, once per period.
        await kept.until(lambda: kept.readings[-1].reason is Reason.TIMEOUT)


@pytest.mark.usefixtures("broker")
async def test_a_retained_message_of_unknown_age_is_not_taken(plain: int, secret: Secret) -> None:
    async with writer_of(plain) as client:
        await client.publish("site/door", "open", qos=1, retain=True)
        await client.publish("site/fan", f'{{"rpm": 900, "at": {time.time()}}}', qos=1, retain=True)
    async with running(MqttSource(table(plain, secret), SystemClock())) as kept:
        await kept.until(lambda: kept.value(DATED) == 900)
        await kept.until(lambda: any(each.signal == DOOR for each in kept.readings))
        assert not [each for each in kept.good() if each.signal == DOOR]


async def test_a_broker_with_tls_and_certificates(broker: Broker, pki: Pki) -> None:
    own: dict[str, Any] = {"ca": pki.ca, "certificate": pki.gateway.certificate, "key": pki.gateway.key}
    async with running(MqttSource(table(broker.port, tls=True, **own), SystemClock())) as kept:
        context = client_context(pki.ca, pki.center.certificate, pki.center.key)
        async with aiomqtt.Client("127.0.0.1", broker.port, tls_context=context) as client:
            deadline = time.monotonic() + 10
            while kept.value(DOOR) is None:
                assert time.monotonic() < deadline
                await client.publish("site/door", "shut")
                await asyncio.sleep(0.05)
    async with running(MqttSource(table(broker.port, tls=True, ca=pki.ca), SystemClock())) as kept:
        await kept.until(lambda: len(kept.readings) >= 6)
        assert not kept.good()


async def test_a_broker_that_restarts_is_found_again(broker: Broker, plain: int, secret: Secret) -> None:
    async with running(MqttSource(table(plain, secret), SystemClock())) as kept:
        await publish(plain, kept, DOOR, "site/door", "open")
        broker.stop()
        await kept.until(lambda: kept.readings[-1].reason is Reason.DISCONNECTED)
        start(broker, plain)
        await publish(plain, kept, DOOR, "site/door", "shut")


@pytest.mark.usefixtures("broker")
async def test_a_flood_is_bounded_and_counted(plain: int, secret: Secret) -> None:
    source = MqttSource(table(plain, secret, messages_per_s_max=20, payload_bytes_max=100), SystemClock())
    async with running(source) as kept:
        await publish(plain, kept, DOOR, "site/door", "open")
        async with writer_of(plain) as client:
            for _ in range(500):
                await client.publish("site/door", "open")
            await client.publish("site/north/climate", "[" * 900)
        await kept.until(lambda: source.counts["messages_over_rate"] > 100)
    begin, end = kept.readings[0].source_mono_ns, kept.readings[-1].source_mono_ns
    assert len(kept.good()) <= 20 * ((end - begin) / 1e9 + 2)


@pytest.mark.usefixtures("broker")
async def test_messages_that_mean_nothing_are_reasons(plain: int, secret: Secret) -> None:
    async with running(MqttSource(table(plain, secret), SystemClock())) as kept:
        await publish(plain, kept, DOOR, "site/door", "open")
        async with writer_of(plain) as client:
            await client.publish("site/door", "ajar")
            await client.publish("site/south/climate", b"\xff\xfe")
            await client.publish("site/fan", '{"rpm": 1, "at": "soon"}')
        await kept.until(lambda: {Reason.OUT_OF_RANGE, Reason.MALFORMED} <= kept.reasons())
        await kept.until(
            lambda: {each.signal for each in kept.readings if each.reason is Reason.MALFORMED} == {CABINET, DATED}
        )


@pytest.mark.usefixtures("broker")
async def test_a_broker_that_refuses_says_so(plain: int, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("guess", encoding="utf-8")
    wrong = Secret.parse("file:wrong", tmp_path)
    async with running(MqttSource(table(plain, wrong), SystemClock())) as kept:
        await kept.until(lambda: Reason.REFUSED in kept.reasons())
        assert not kept.good()


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def rude(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await writer.drain()
    writer.close()


async def refusing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(100)
    writer.write(bytes.fromhex("2003 00 87 00"))  # CONNACK, MQTT 5: not authorised
    await writer.drain()
    writer.close()


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(100)
    writer.write(bytes.fromhex("2003 00 00 00") + b"\x30\xff\xff\xff\x7f")
    for _ in range(100):
        writer.write(b"\0" * 65_536)
        await writer.drain()
    writer.close()


NO_BROKERS = {
    "silent": (silent, {Reason.DISCONNECTED}),
    "rude": (rude, {Reason.DISCONNECTED}),
    "refusing": (refusing, {Reason.DISCONNECTED, Reason.REFUSED}),
    "endless": (endless, {Reason.DISCONNECTED}),
}


async def test_what_is_no_broker_is_away_and_does_not_hold_up_a_stop() -> None:
    async def case(name: str) -> None:
        peer, reasons = NO_BROKERS[name]
        async with listening(peer) as port:
            async with running(MqttSource(table(port, timeout_s=0.5), SystemClock())) as kept:
                await kept.until(lambda: len(kept.readings) >= 9 and kept.readings[-1].reason in reasons)
            assert kept.reasons() <= reasons
            assert not kept.good()

    await together(NO_BROKERS, case)


def test_a_filter_or_secret_that_cannot_be_is_refused(tmp_path: Path) -> None:
    point = TopicPointSettings(key=DOOR, topic="a/#/b")
    with pytest.raises(IsolaneError, match="no topic filter"):
        MqttSource(
            MqttSourceSettings(name="b", address=Address("127.0.0.1", 1), points=(point,)),
            SystemClock(),
        )
    with pytest.raises(IsolaneError, match=r"nowhere"):
        MqttSource(table(1, user="x", password=Secret.parse("file:nowhere", tmp_path)), SystemClock())
