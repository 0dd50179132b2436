"""This file asks every source that can be faster for a burst; it guards that only what is rapid is, and only then.

The kinds that are not here: an SNMP agent renews its values every few seconds and is not made for more, and what the
tap tells comes when it happens.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Literal

import can
import pytest

from isolane.config.site import Site
from isolane.config.values import Address
from isolane.core.clock import SystemClock
from isolane.core.failures import IsolaneError
from isolane.health.rhythm import BURST, FAST, SITE, beats
from isolane.health.sampling.settings import FastSettings, SamplingSettings
from isolane.health.sources.can.settings import CanPointSettings, CanSettings
from isolane.health.sources.catalogue import BuiltSource, Bursting, build, bursts_of, periods_of
from isolane.health.sources.host.settings import HostSettings
from isolane.health.sources.http_json.settings import HttpJsonSettings, JsonPointSettings
from isolane.health.sources.modbus.settings import DeviceSettings, ModbusSettings
from isolane.health.sources.mqtt.settings import MqttSourceSettings, TopicPointSettings
from isolane.health.sources.settings import AnySourceSettings
from support.modbus_peer import ModbusPeer, good
from support.readings import Kept, running
from support.stream_server import StreamServer
from support.tree import ROOT

PERIOD_S, RAPID_S = 0.5, 0.05
When = Literal["always", "bursts"]
Make = Callable[[When], BuiltSource]
SAMPLING = SamplingSettings(step_ms=500, fast=FastSettings(step_ms=100))


class Page(StreamServer):
    """Shows JSON."""

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b'HTTP/1.1 200 OK\r\ncontent-length: 16\r\n\r\n{"a": 1, "b": 2}')
            await writer.drain()


@contextlib.asynccontextmanager
async def modbus(_folder: Path) -> AsyncIterator[Callable[[When], AnySourceSettings]]:
    device = DeviceSettings(
        charger="",
        template="eastron_sdm120",
        only=("ElectricalFeed/Power", "ElectricalFeed/Frequency"),
        rapid=("ElectricalFeed/Power",),
        evse=0,
    )
    peer = ModbusPeer(good)
    await peer.start()
    yield lambda when: ModbusSettings(
        name="m",
        address=peer.address,
        devices=(device,),
        fast_s=PERIOD_S,
        slow_s=PERIOD_S,
        rapid_s=RAPID_S,
        rapid_when=when,
    )
    await peer.stop()


@contextlib.asynccontextmanager
async def http_json(_folder: Path) -> AsyncIterator[Callable[[When], AnySourceSettings]]:
    page = Page()
    await page.start()
    yield lambda when: HttpJsonSettings(
        name="h",
        url=f"http://{page.address}/",
        points=(
            JsonPointSettings(key="0.0/xUps/xLoad", path="a", rapid=True),
            JsonPointSettings(key="0.0/xUps/xCharge", path="b"),
        ),
        period_s=PERIOD_S,
        rapid_s=RAPID_S,
        rapid_when=when,
    )
    await page.stop()


@contextlib.asynccontextmanager
async def mqtt(_folder: Path) -> AsyncIterator[Callable[[When], AnySourceSettings]]:
    """A broker that is away: what is told of messages comes when they come, so the silence shows the pace."""
    yield lambda when: MqttSourceSettings(
        name="q",
        address=Address("127.0.0.1", 9),
        points=(
            TopicPointSettings(key="0.0/xDoor/xAngle", topic="a", period_s=PERIOD_S, rapid=True),
            TopicPointSettings(key="0.0/xDoor/xOpen", topic="b", period_s=PERIOD_S),
        ),
        rapid_s=RAPID_S,
        rapid_when=when,
    )


@contextlib.asynccontextmanager
async def bus(folder: Path) -> AsyncIterator[Callable[[When], AnySourceSettings]]:
    async def feed(sender: can.BusABC) -> None:
        while True:
            sender.send(can.Message(arbitration_id=256, data=bytes(8), is_extended_id=False))
            await asyncio.sleep(RAPID_S / 2)

    with can.Bus(channel=str(folder), interface="virtual") as sender:
        feeding = asyncio.create_task(feed(sender))
        yield lambda when: CanSettings(
            name="c",
            channel=str(folder),
            interface="virtual",
            dbc=ROOT / "tests/golden/pack.dbc",
            points=(
                CanPointSettings(
                    key="0.0/xPack/DCCurrent", message="Pack", signal="Current", period_s=PERIOD_S, rapid=True
                ),
                CanPointSettings(key="0.0/xPack/DCVoltage", message="Pack", signal="Voltage", period_s=PERIOD_S),
            ),
            rapid_s=RAPID_S,
            rapid_when=when,
        )
        feeding.cancel()
        await asyncio.wait({feeding})


@contextlib.asynccontextmanager
async def host(_folder: Path) -> AsyncIterator[Callable[[When], AnySourceSettings]]:
    yield lambda when: HostSettings(
        period_s=PERIOD_S, rapid=("0.0/Controller/xLoad",), rapid_s=RAPID_S, rapid_when=when
    )


CALM = {
    "modbus": "0.0/ElectricalFeed/Frequency",
    "http_json": "0.0/xUps/xCharge",
    "mqtt": "0.0/xDoor/xOpen",
    "can": "0.0/xPack/DCVoltage",
    "host": "0.0/Controller/xMemory",
}
QUICK = {
    "modbus": "0.0/ElectricalFeed/Power",
    "http_json": "0.0/xUps/xLoad",
    "mqtt": "0.0/xDoor/xAngle",
    "can": "0.0/xPack/DCCurrent",
    "host": "0.0/Controller/xLoad",
}
WORLDS = {"modbus": modbus, "http_json": http_json, "mqtt": mqtt, "can": bus, "host": host}


@pytest.fixture(params=sorted(WORLDS))
async def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def make(kind: str, tmp_path: Path) -> AsyncIterator[Make]:
    async with WORLDS[kind](tmp_path) as table:
        site = Site(name="here", gateway="gw-1", run_dir=tmp_path)
        yield lambda when: build([table(when)], site, SystemClock())[0]


def of(kept: Kept, key: str) -> int:
    return sum(reading.signal == key for reading in kept.readings)


async def test_a_burst_is_a_stream_beside_the_sites_rows(kind: str, make: Make) -> None:
    source = make("bursts")
    site, burst = beats(SAMPLING, 10, source.signals, periods_of([source]), bursts_of([source]))
    assert (site.stream, burst.stream, burst.in_bursts) == (SITE, BURST, True)
    assert site.signals == tuple(source.signals), "the site's rows have them all, at all times"
    assert [signal.key for signal in burst.signals] == [QUICK[kind]]
    assert set(site.periods_s.values()) == {PERIOD_S}
    assert burst.periods_s == {("", QUICK[kind]): RAPID_S}


async def test_what_is_rapid_at_all_times_is_a_stream_of_its_own(kind: str, make: Make) -> None:
    source = make("always")
    site, fast = beats(SAMPLING, 10, source.signals, periods_of([source]), bursts_of([source]))
    assert (site.stream, fast.stream, fast.in_bursts) == (SITE, FAST, False)
    assert [signal.key for signal in fast.signals] == [QUICK[kind]]
    async with running(source) as kept:
        await kept.until(lambda: of(kept, QUICK[kind]) >= of(kept, CALM[kind]) + 10)


async def test_only_what_is_rapid_is_faster_and_only_in_a_burst(kind: str, make: Make) -> None:
    source = make("bursts")
    assert isinstance(source, Bursting)
    begin = time.monotonic()
    async with running(source) as kept:
        await kept.until(lambda: of(kept, CALM[kind]) >= 2)
        assert of(kept, QUICK[kind]) == of(kept, CALM[kind])
        source.burst(60.0)
        await kept.until(lambda: of(kept, QUICK[kind]) >= of(kept, CALM[kind]) + 10)
        assert of(kept, CALM[kind]) <= (time.monotonic() - begin) / PERIOD_S + 2


async def test_a_burst_ends_by_itself(kind: str, make: Make) -> None:
    source = make("bursts")
    assert isinstance(source, Bursting)
    quick, calm = QUICK[kind], CALM[kind]

    def turns() -> list[str]:
        return [reading.signal for reading in kept.readings if reading.signal in {quick, calm}]

    async with running(source) as kept:
        await kept.until(lambda: of(kept, calm) >= 1)
        source.burst(0.3)
        await kept.until(lambda: of(kept, quick) >= of(kept, calm) + 2)
        await kept.until(lambda: set(turns()[-6::2]) != set(turns()[-5::2]) and len(set(turns()[-6::2])) == 1)


def test_a_key_that_the_host_does_not_give_is_told(tmp_path: Path) -> None:
    table = HostSettings(rapid=("0.0/Controller/xLoat",))
    with pytest.raises(IsolaneError, match="xLoat"):
        build([table], Site(name="here", gateway="gw-1", run_dir=tmp_path), SystemClock())
