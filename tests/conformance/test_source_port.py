"""This file runs one suite over every source; it guards that what `core.ports.Source` promises holds for each protocol.

What a source is given here is the worst of its world that needs no peer: nobody listens, nobody connects. The tests of
its protocol bring sick peers. `running` checks more at its end: only declared signals, a reason with each BAD, and that
it stopped in time.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from isolane.config.site import Site
from isolane.config.values import Address, Secret
from isolane.core.clock import SystemClock
from isolane.core.samples import Quality
from isolane.health.sources.can.settings import CanPointSettings, CanSettings
from isolane.health.sources.catalogue import BuiltSource, build
from isolane.health.sources.host.settings import HostSettings
from isolane.health.sources.http_json.settings import HttpJsonSettings, JsonPointSettings
from isolane.health.sources.modbus.settings import DeviceSettings, ModbusSettings, SerialSettings
from isolane.health.sources.mqtt.settings import MqttSourceSettings, TopicPointSettings
from isolane.health.sources.ocpp.settings import ChargerSettings, OcppSettings
from isolane.health.sources.settings import AnySourceSettings
from isolane.health.sources.snmp.settings import SnmpSettings
from support.readings import running
from support.tree import ROOT

UNUSED = Address("127.0.0.1", 9)
DEVICES = (
    DeviceSettings(charger="CP1", template="isolane_dc150"),
    DeviceSettings(charger="CP1", template="sunspec_meter", unit=2, instance="Meter"),
)
TABLES: dict[str, AnySourceSettings] = {
    "can": CanSettings(
        name="c",
        channel="nocan7",
        dbc=ROOT / "tests/golden/pack.dbc",
        points=(CanPointSettings(key="0.0/xPack/DCVoltage", message="Pack", signal="Voltage", period_s=0.1),),
    ),
    "host": HostSettings(period_s=0.1, disk=Path("/nowhere")),
    "http_json": HttpJsonSettings(
        name="h",
        url="http://127.0.0.1:9/status",
        points=(JsonPointSettings(key="0.0/xUps/xCharge", path="charge"),),
        period_s=0.1,
    ),
    "modbus": ModbusSettings(name="m", address=UNUSED, devices=DEVICES, fast_s=0.1, slow_s=0.2, timeout_s=0.1),
    "modbus rtu": ModbusSettings(
        name="r",
        serial=SerialSettings(path=Path("/nowhere/ttyUSB0")),
        devices=DEVICES,
        fast_s=0.1,
        slow_s=0.2,
    ),
    "mqtt": MqttSourceSettings(
        name="q",
        address=UNUSED,
        points=(TopicPointSettings(key="0.0/xDoor/xOpen", topic="door", period_s=0.1),),
    ),
    "ocpp": OcppSettings(chargers=(ChargerSettings(charger="CP1", evses=2, meter_period_s=1),), period_s=0.1),
    "snmp": SnmpSettings(
        name="s",
        address=UNUSED,
        community=Secret.parse("env:PATH", Path()),
        presets=("ups-mib",),
        period_s=0.1,
        timeout_s=0.1,
    ),
}
Make = Callable[[], BuiltSource]


@pytest.fixture(params=sorted(TABLES))
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    site = Site(name="here", gateway="gw-1", run_dir=tmp_path / "run")
    return lambda: build([TABLES[request.param]], site, SystemClock())[0]


def test_every_protocol_is_judged_here() -> None:
    assert {type(table) for table in TABLES.values()} == set(AnySourceSettings.__args__)


def test_signals_are_known_before_a_run_and_never_change(make: Make) -> None:
    source = make()
    assert source.signals
    assert list(source.signals) == list(source.signals)
    assert list(source.signals) == list(make().signals)
    identities = [(signal.charger, signal.key) for signal in source.signals]
    assert len(set(identities)) == len(identities)
    assert source.periods_s.keys() == set(identities)
    assert all(period > 0 for period in source.periods_s.values())


async def test_it_goes_on_without_its_peer_and_says_why(make: Make) -> None:
    source = make()
    async with running(
        source
    ) as kept:  # checks, at the end: only declared signals, a reason with each BAD, a quick stop
        await kept.until(lambda: len(kept.readings) >= 3 * len(source.signals))
    assert {reading.signal for reading in kept.readings} == {signal.key for signal in source.signals}
    assert any(reading.quality is Quality.BAD for reading in kept.readings)
    assert sum(source.counts[name] for name in ("readings_good", "readings_bad")) == len(kept.readings)


async def test_it_stops_within_a_second_whenever_it_is_cancelled(make: Make) -> None:
    source = make()
    for turns in range(40):
        async with running(source):
            for _ in range(turns):
                await asyncio.sleep(0)
    async with running(source):
        await asyncio.sleep(0.15)


async def test_it_can_be_run_again_after_a_stop(make: Make) -> None:
    source = make()
    for _ in range(2):
        async with running(source) as kept:
            await kept.until(lambda kept=kept: len(kept.readings) >= len(source.signals))  # type: ignore[misc]
