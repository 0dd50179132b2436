"""This file walks SunSpec devices of every kind; it guards that places, scales and absences are the device's own."""

import struct
from collections.abc import Awaitable, Callable

import pytest

from isolane.config.values import Address
from isolane.core.clock import SystemClock
from isolane.core.failures import IsolaneError
from isolane.core.samples import Reason
from isolane.health.sources.modbus.settings import DeviceSettings, ModbusSettings
from isolane.health.sources.modbus.source import ModbusSource
from isolane.health.sources.modbus.sunspec import template_of
from support.modbus_peer import Answer, ModbusPeer
from support.readings import running
from support.sunspec_device import SunSpecDevice

Peers = Callable[[Answer], Awaitable[ModbusPeer]]
HERTZ = "1.0/xInverter/Frequency"


def device_of(base: int, models: dict[int, dict[int, int]]) -> SunSpecDevice:
    return SunSpecDevice(base, {number: (200, own) for number, own in models.items()})


def source(address: Address, *models: int) -> ModbusSource:
    device = DeviceSettings(charger="CP1", sunspec=models)
    return ModbusSource(ModbusSettings(name="m", address=address, devices=(device,), fast_s=0.1), SystemClock())


@pytest.mark.parametrize("base", [40_000, 50_000, 0])
@pytest.mark.parametrize("present", [101, 102, 103])
async def test_an_inverter_is_found_wherever_its_map_begins(base: int, present: int, peer: Peers) -> None:
    inverter = {14: 0xFFFF & -450, 15: 1, 16: 5002, 17: 0xFFFE, 12: 2311, 13: 0xFFFF, 33: 0x8000, 37: 0}
    device = device_of(base, {present: inverter})
    served = await peer(device.answer)
    async with running(source(served.address, 103)) as kept:
        await kept.until(lambda: kept.value(HERTZ) == pytest.approx(50.02))
        assert kept.value("1.0/xInverter/Power") == -4500
        assert kept.value("1.0/xInverter/ACVoltage[L3]") == pytest.approx(231.1)
        reasons = {each.signal: each.reason for each in kept.readings}
        assert reasons["1.0/xInverter/Temperature[Cabinet]"] is Reason.NOT_IMPLEMENTED
        assert reasons["1.0/xInverter/DCVoltage"] is Reason.NOT_IMPLEMENTED
        # A scale factor may change at any time; the next round uses the new one.
        device.words[device.at[present] + 17] = 0xFFFF
        await kept.until(lambda: kept.value(HERTZ) == pytest.approx(500.2))
        device.words[device.at[present] + 17] = 0x8000
        await kept.until(lambda: kept.value(HERTZ) is None)


async def test_floats_batteries_and_what_a_device_lacks(peer: Peers) -> None:
    high, low = struct.unpack(">HH", struct.pack(">f", 49.9))
    battery = {11: 873, 62: 0xFFFF, 34: 7421}
    factors = template_of([802]).points
    for point in factors:
        if point.scale_factor is not None:
            battery[point.scale_factor] = 0xFFFF
    device = device_of(40_000, {113: {24: high, 25: low, 26: 0x7FC0, 27: 0}, 802: battery})
    served = await peer(device.answer)
    async with running(source(served.address, 1, 111, 802, 203)) as kept:
        await kept.until(lambda: kept.value(HERTZ) == pytest.approx(49.9, abs=1e-5))
        assert kept.value("1.0/xBattery/xStateOfCharge") == pytest.approx(87.3)
        assert kept.value("1.0/xBattery/DCVoltage") == pytest.approx(742.1)
        reasons = {each.signal: each.reason for each in kept.readings}
    assert reasons["1.0/xInverter/xApparentPower"] is Reason.NOT_IMPLEMENTED
    assert reasons["1.0/ElectricalFeed/Power"] is Reason.NOT_IMPLEMENTED


@pytest.mark.parametrize("chain", [{0: 5}, {2: 70, 3: 0xFFFE}, {0: 0x5375, 1: 0x6E53, 2: 103, 3: 0}])
async def test_a_chain_that_is_none_is_a_reason(chain: dict[int, int], peer: Peers) -> None:
    device = device_of(0, {})
    device.words = dict.fromkeys(range(300), 0) | chain
    served = await peer(device.answer)
    async with running(source(served.address, 103)) as kept:
        await kept.until(lambda: len(kept.readings) >= 60)
        assert not kept.good()


@pytest.mark.parametrize(
    ("models", "says"),
    [((999,), "model 999 is not known"), ((103, 113), "both give"), ((1,), "no SunSpec model with values")],
)
def test_models_that_cannot_be_are_refused(models: tuple[int, ...], says: str) -> None:
    with pytest.raises(IsolaneError, match=says):
        template_of(models)
