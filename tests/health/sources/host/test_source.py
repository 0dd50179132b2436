"""This file reads the machine the tests run on; it guards that the host needs no right that a user lacks."""

import os

from isolane.core.clock import SystemClock
from isolane.health.sources.host import plan
from isolane.health.sources.host.settings import HostSettings
from isolane.health.sources.host.source import HostSource
from support.readings import running


async def test_the_host_tells_believable_numbers() -> None:
    source = HostSource(HostSettings(period_s=0.1), SystemClock())
    assert all(signal.charger == "" for signal in source.signals)
    async with running(source) as kept:
        await kept.until(lambda: len(kept.readings) >= 2 * len(source.signals))
    for key in (plan.CPU, plan.MEMORY, plan.DISK):
        value = kept.value(key)
        assert value is not None
        assert 0 <= value <= 100
    resident = kept.value(plan.RESIDENT)
    assert resident is not None
    assert 10e6 < resident < 10e9
    assert kept.value(plan.LOAD) is not None
    if os.uname().sysname == "Linux":
        assert {plan.CLOCK_OFFSET, plan.CLOCK_SYNCHRONISED} <= {signal.key for signal in source.signals}
