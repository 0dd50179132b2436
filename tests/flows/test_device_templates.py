"""This file reads every template's registers, served by a foreign library; it guards that a template works as it is."""

import pytest

from isolane.core.clock import SystemClock
from isolane.core.samples import Quality
from isolane.devices.template import built_in, load_built_in
from isolane.health.sources.modbus.settings import DeviceSettings, ModbusSettings
from isolane.health.sources.modbus.source import ModbusSource
from support.readings import running
from support.template_server import image_of, serving


@pytest.mark.parametrize("name", built_in())
async def test_a_template_is_read_whole_within_its_limits(name: str) -> None:
    template = load_built_in(name)
    served = image_of(template)
    unit = template.unit or 1
    async with serving({unit: served}) as address:
        device = DeviceSettings(charger="CP", template=name, unit=unit)
        settings = ModbusSettings(name="m", address=address, devices=(device,), slow_s=1.0, timeout_s=5.0)
        async with running(ModbusSource(settings, SystemClock())) as kept:
            await kept.until(lambda: len({reading.signal for reading in kept.readings}) == len(template.points))
    bad = [reading for reading in kept.readings if reading.quality is not Quality.GOOD]
    assert not bad
    for (key, scope), expected in served.expected.items():
        value = kept.value(f"{'0.0' if scope == 'station' else '1.0'}/{key}")
        assert value == pytest.approx(expected, rel=1e-6), key
    assert {function for function, _, _ in served.asked} <= {3, 4}
    assert max(count for _, _, count in served.asked) <= template.registers_max
