"""This file reads the simulator's devices with our templates; it guards that two readers of one maker's map agree.

The simulator's register maps were written without our templates, so an agreement is a second opinion.
"""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from isolane.config.values import Address
from isolane.core.clock import SystemClock
from isolane.core.samples import Reason
from isolane.health.sources.modbus.settings import DeviceSettings, ModbusSettings
from isolane.health.sources.modbus.source import ModbusSource
from isolane.sim.modbus.fronts import Refresh, ac_units, dc_units
from isolane.sim.modbus.image import Unit
from isolane.sim.modbus.server import ModbusFront
from isolane.sim.physics.ac_station import AcStation
from isolane.sim.physics.dc_readings import dc_readings
from isolane.sim.physics.dc_station import DcStation
from isolane.sim.physics.surroundings import Weather
from isolane.sim.physics.vehicles import MODELS, Vehicle
from support.readings import running

Fronts = Callable[[tuple[list[Unit], Refresh]], Awaitable[Address]]


@pytest.fixture
async def front() -> AsyncIterator[Fronts]:
    fronts = []

    async def start(made: tuple[list[Unit], Refresh]) -> Address:
        fronts.append(ModbusFront(made[0], "127.0.0.1", 0))
        await fronts[-1].start()
        return Address("127.0.0.1", fronts[-1].port)

    yield start
    for each in fronts:
        await each.stop()


@pytest.fixture(scope="module")
def dc_now() -> dict[str, float]:
    station = DcStation(3, Weather(), meter_wh=123_456)
    station.plug(Vehicle(MODELS[3], 0.3))
    station.switch(closed=True)
    for _ in range(300):
        station.step(1.0)
    return dc_readings(station)


@pytest.fixture(scope="module")
def ac_now() -> dict[str, float]:
    station = AcStation(4, Weather(), meter_wh=98_765)
    station.plug(Vehicle(MODELS[3], 0.3))
    station.switch(closed=True)
    for _ in range(300):
        station.step(1.0)
    return station.readings()


def source(address: Address, *devices: DeviceSettings) -> ModbusSource:
    settings = ModbusSettings(name="sim", address=address, devices=devices, fast_s=0.1, slow_s=0.1)
    return ModbusSource(settings, SystemClock())


async def test_every_signal_of_the_dc_charger_and_its_sdm630(front: Fronts, dc_now: dict[str, float]) -> None:
    made = dc_units("DC-1", "sdm630")
    polled = source(
        await front(made),
        DeviceSettings(charger="DC-1", template="isolane_dc150"),
        DeviceSettings(charger="DC-1", template="eastron_sdm630", unit=2, instance="Meter"),
    )
    made[1](dc_now)
    async with running(polled) as kept:
        await kept.until(lambda: len(kept.readings) >= len(polled.signals))
    assert kept.reasons() == {Reason.NONE}
    resolutions = {signal.key: signal.resolution for signal in polled.signals}
    meter = {key for key in resolutions if "[Meter]" in key}
    for key in resolutions.keys() - meter:
        assert kept.value(key) == pytest.approx(dc_now[key], abs=resolutions[key] * 0.51), key
    for key in ("ACVoltage[L1]", "ACVoltage[L2]", "ACVoltage[L3]", "Frequency"):
        assert kept.value(f"1.0/ElectricalFeed[Meter]/{key}") == pytest.approx(
            dc_now[f"1.0/ElectricalFeed/{key}"], abs=0.051
        )
    assert kept.value("1.0/ElectricalFeed[Meter]/Power") == pytest.approx(dc_now["1.0/ElectricalFeed/Power"], rel=0.05)


async def test_the_wallbox_and_its_sunspec_meter(front: Fronts, ac_now: dict[str, float]) -> None:
    made = ac_units("AC-1", "sunspec")
    polled = source(
        await front(made),
        DeviceSettings(charger="AC-1", template="abb_terra_ac"),
        DeviceSettings(charger="AC-1", template="sunspec_meter", unit=2, instance="Meter"),
    )
    made[1](ac_now)
    async with running(polled) as kept:
        await kept.until(lambda: len(kept.readings) >= len(polled.signals))
    for phase in ("L1", "L2", "L3"):
        for variable, step in (("ACVoltage", 0.051), ("ACCurrent", 0.051)):
            expected = ac_now[f"1.0/ElectricalFeed/{variable}[{phase}]"]
            assert kept.value(f"1.0/ElectricalFeed/{variable}[{phase}]") == pytest.approx(expected, abs=step)
            assert kept.value(f"1.0/ElectricalFeed[Meter]/{variable}[{phase}]") == pytest.approx(expected, abs=step)
    assert kept.value("1.0/CPPWMController/State") == 2
    assert kept.value("1.0/ElectricalFeed/Power") == pytest.approx(ac_now["1.0/ElectricalFeed/Power"], abs=0.51)
    assert kept.value("1.0/ElectricalFeed[Meter]/Power") == pytest.approx(ac_now["1.0/ElectricalFeed/Power"], rel=0.05)
    lacking = {reading.signal for reading in kept.readings if reading.reason is Reason.NOT_IMPLEMENTED}
    assert "1.0/ElectricalFeed[Meter]/xPowerFactor" in lacking


async def test_a_sunspec_template_on_a_device_without_its_mark(front: Fronts) -> None:
    address = await front(dc_units("DC-1", "sdm630"))
    polled = source(address, DeviceSettings(charger="DC-1", template="sunspec_meter"))
    async with running(polled) as kept:
        await kept.until(lambda: len(kept.readings) >= 2 * len(polled.signals))
    assert kept.reasons() == {Reason.MALFORMED}


async def test_a_unit_that_does_not_exist_is_refused(front: Fronts) -> None:
    address = await front(dc_units("DC-1", "sdm630"))
    polled = source(address, DeviceSettings(charger="DC-1", template="eastron_sdm630", unit=77))
    async with running(polled) as kept:
        await kept.until(lambda: len(kept.readings) >= len(polled.signals))
    assert kept.reasons() == {Reason.REFUSED}
