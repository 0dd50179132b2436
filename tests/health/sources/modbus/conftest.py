"""This file makes Modbus sources and peers for the tests; it guards that every peer is stopped."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from isolane.config.values import Address
from isolane.core.clock import SystemClock
from isolane.health.sources.modbus.settings import DeviceSettings, ModbusSettings
from isolane.health.sources.modbus.source import ModbusSource
from support.modbus_peer import Answer, ModbusPeer

TEMPLATE = """
maker = "Test"
model = "Three points"
hole_max = 0
points = [
  { key = "EVSE/DCVoltage", address = 0, type = "u16", unit = "V", scale = 0.1, resolution = 0.1 },
  { key = "EVSE/DCCurrent", address = 1, type = "u16", unit = "A", scale = 0.1, resolution = 0.1 },
  { key = "EVSE/Power", address = 100, type = "u32", unit = "W", resolution = 1, poll = "slow" },
]
[source]
title = "None"
url = "none"
"""


@pytest.fixture
async def peer() -> AsyncIterator[Callable[..., Awaitable[ModbusPeer]]]:
    peers: list[ModbusPeer] = []

    async def start(answer: Answer, *, greeting: bytes = b"", hang_up: bool = False) -> ModbusPeer:
        one = ModbusPeer(answer, greeting=greeting, hang_up=hang_up)
        peers.append(one)
        await one.start()
        return one

    yield start
    for each in peers:
        await each.stop()


@pytest.fixture
def template(tmp_path: Path) -> Path:
    file = tmp_path / "three.toml"
    file.write_text(TEMPLATE, encoding="utf-8")
    return file


@pytest.fixture
def source(template: Path) -> Callable[..., ModbusSource]:
    def make(address: Address, units: tuple[int, ...] = (1,), fast_s: float = 0.1) -> ModbusSource:
        devices = tuple(DeviceSettings(charger=f"CP{unit}", unit=unit, template_file=template) for unit in units)
        settings = ModbusSettings(
            name="m",
            address=address,
            devices=devices,
            fast_s=fast_s,
            slow_s=2 * fast_s,
            timeout_s=0.4,
            reconnect_s_max=0.2,
        )
        return ModbusSource(settings, SystemClock())

    return make
