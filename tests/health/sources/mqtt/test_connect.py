"""This file subscribes at peers that greet like a broker and then do not behave; it guards that each has its reason."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from isolane.core.clock import SystemClock
from isolane.core.samples import Quality, Reason
from isolane.health.rhythm import beats
from isolane.health.sampling.grid import Grid, Row
from isolane.health.sampling.settings import FastSettings, SamplingSettings
from isolane.health.sampling.share import shared
from isolane.health.sources.mqtt.settings import MqttSourceSettings, TopicPointSettings
from isolane.health.sources.mqtt.source import MqttSource
from support.readings import running
from support.stream_server import StreamServer

KEYS = ("0.0/xDoor/xOpen", "0.0/xDoor/xAngle")
POINTS = (
    TopicPointSettings(key=KEYS[0], topic="x", path="open", period_s=0.2),
    TopicPointSettings(key=KEYS[1], topic="x", path="angle", period_s=0.2),
)
CONNACK = bytes.fromhex("20020000")
Speak = Callable[[asyncio.StreamWriter], Awaitable[None]]


def publish(payload: bytes) -> bytes:
    """Give a PUBLISH of topic x, QoS 0."""
    body = b"\x00\x01x" + payload
    length, left = b"", len(body)
    while True:
        length += bytes((left % 128 | (0x80 if left > 127 else 0),))
        left //= 128
        if not left:
            return b"\x30" + length + body


class Greeter(StreamServer):
    """A broker of 3.1.1 up to the subscription; what it says then may be changed while it runs."""

    def __init__(self, speak: Speak) -> None:
        super().__init__()
        self.speak = speak

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kind, length = await reader.readexactly(2)
        await reader.readexactly(length)
        writer.write(CONNACK)
        kind, length = await reader.readexactly(2)
        assert kind == 0x82, "the first thing after the greeting is a subscription"
        subscribe = await reader.readexactly(length)
        writer.write(b"\x90\x03" + subscribe[:2] + b"\0")
        while True:
            await self.speak(writer)
            await writer.drain()
            await asyncio.sleep(0.02)


def says(data: bytes) -> Speak:
    async def speak(writer: asyncio.StreamWriter) -> None:
        writer.write(data)

    return speak


async def well(writer: asyncio.StreamWriter) -> None:
    writer.write(publish(b'{"open": 1, "angle": 30}'))


async def hangs_up(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def hangs_in_a_message(writer: asyncio.StreamWriter) -> None:
    writer.write(publish(b"{" + b" " * 100)[:40])
    await asyncio.sleep(60)


SICK: dict[str, tuple[Speak, set[Reason]]] = {
    "hangs": (says(b""), {Reason.TIMEOUT}),
    "hangs in a message": (hangs_in_a_message, {Reason.TIMEOUT}),
    "hangs up": (hangs_up, {Reason.DISCONNECTED}),
    "a length of five bytes": (says(b"\x30\xff\xff\xff\xff\x01"), {Reason.DISCONNECTED}),
    "a topic longer than its message": (says(b"\x30\x04\x00\xffab"), {Reason.DISCONNECTED, Reason.TIMEOUT}),
    "a message of nothing": (says(b"\x30\x00"), {Reason.DISCONNECTED, Reason.TIMEOUT}),
    "a reserved packet": (says(b"\x00\x00"), {Reason.DISCONNECTED}),
    "another greeting": (says(CONNACK), {Reason.TIMEOUT, Reason.DISCONNECTED}),
    "a message that is too large": (says(publish(b"1" * 70_000)), {Reason.TIMEOUT}),
    "a message that is none": (says(publish(b"\xff\xfe")), {Reason.MALFORMED, Reason.TIMEOUT}),
}


@pytest.mark.parametrize("name", SICK)
async def test_a_sick_broker_gives_its_reason_and_recovers(name: str) -> None:
    speak, reasons = SICK[name]
    broker = Greeter(speak)
    await broker.start()
    table = MqttSourceSettings(
        name="q", address=broker.address, version="3.1.1", points=POINTS, timeout_s=1, reconnect_s_max=0.2
    )
    async with running(MqttSource(table, SystemClock())) as kept:
        await kept.until(lambda: bool(kept.reasons() & reasons) and len(kept.readings) >= 8)
        assert not kept.good()
        assert kept.reasons() <= reasons | {Reason.DISCONNECTED}
        broker.speak = well
        broker.cut()
        await kept.until(lambda: kept.value(KEYS[1]) == 30)
    await broker.stop()


async def test_a_message_with_a_part_of_the_values_leaves_the_others_to_their_silence() -> None:
    broker = Greeter(says(publish(b'{"open": 1}')))
    await broker.start()
    table = MqttSourceSettings(name="q", address=broker.address, version="3.1.1", points=POINTS)
    async with running(MqttSource(table, SystemClock())) as kept:
        await kept.until(lambda: Reason.TIMEOUT in kept.reasons() and len(kept.good()) >= 5)
    assert {each.signal for each in kept.good()} == {KEYS[0]}
    told = {each.signal for each in kept.readings if each.reason is Reason.TIMEOUT}
    assert told == {KEYS[1]}
    await broker.stop()


async def test_messages_of_ten_a_second_and_more_are_rows_of_their_own() -> None:
    sent = 0

    async def counting(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        sent += 1
        writer.write(publish(b'{"open": 1, "angle": %d}' % sent))

    broker = Greeter(counting)
    await broker.start()
    calm, quick = (msgspec.structs.replace(point, period_s=1.0, rapid=point.key == KEYS[1]) for point in POINTS)
    table = MqttSourceSettings(
        name="q", address=broker.address, version="3.1.1", points=(calm, quick), rapid_s=0.1, rapid_when="bursts"
    )
    clock = SystemClock()
    source = MqttSource(table, clock)
    sampling = SamplingSettings(fast=FastSettings(step_ms=100))
    site, burst = beats(sampling, 10, source.signals, source.periods_s, source.bursts_s)
    seconds, tenths = (Grid(each.signals, each.sampling, clock, each.periods_s) for each in (site, burst))
    emit, taken = shared([seconds, tenths]), 0
    rows: list[Row] = []
    async with running(source) as kept:

        def more() -> bool:
            return len(kept.readings) >= taken + 4

        while len(rows) < 10:
            await kept.until(more)
            emit(kept.readings[taken:])
            taken = len(kept.readings)
            rows.append(tenths.row(clock.mono_ns()))
        last = seconds.row(clock.mono_ns())
    assert len({int(row.values[0]) for row in rows}) == 10, "each row has a message of its own"
    assert sum(int(row.codes[0]) & 3 == Quality.GOOD for row in rows) >= 8
    assert [int(code) & 3 for code in last.codes] == [Quality.GOOD] * 2
    await broker.stop()
