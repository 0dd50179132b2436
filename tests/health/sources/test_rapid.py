"""This file asks for bursts; it guards that one begins when asked, also before a run, and is never cut short."""

from isolane.core.clock import NS_PER_S
from isolane.core.signals import Signal
from isolane.health.sources.rapid import RAPID, Rapid

SIGNAL = Signal("CP1", "1.0/EVSE/Power", "W", 1)
IDENTITY = ("CP1", "1.0/EVSE/Power")


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 7 * NS_PER_S

    def mono_ns(self) -> int:
        return self.now

    def utc_ns(self) -> int:
        return self.now


async def test_at_all_times_it_is_a_group_beside_the_others() -> None:
    rapid = Rapid([SIGNAL], 0.1, "always", Clock())
    assert (rapid.periods_s, rapid.bursts_s) == ({IDENTITY: 0.1}, {})
    cadence = rapid.cadence({"all": 5.0})
    rapid.burst(10)
    assert await cadence.due() == {"all", RAPID}
    assert cadence.left_s == 0.1


async def test_a_burst_is_there_while_it_lasts() -> None:
    clock = Clock()
    rapid = Rapid([SIGNAL], 0.1, "bursts", clock)
    assert (rapid.periods_s, rapid.bursts_s) == ({}, {IDENTITY: 0.1})
    cadence = rapid.cadence({"all": 5.0})
    assert await cadence.due() == {"all"}
    rapid.burst(1.0)
    rapid.burst(0.2)
    clock.now += NS_PER_S // 2
    assert await cadence.due() == {RAPID}
    clock.now += NS_PER_S // 2
    assert cadence.left_s == 4.0


async def test_a_burst_that_was_asked_for_before_a_run_is_in_it() -> None:
    rapid = Rapid([SIGNAL], 0.1, "bursts", Clock())
    rapid.burst(1.0)
    assert await rapid.cadence({"all": 5.0}).due() == {"all", RAPID}


async def test_without_signals_there_is_no_burst() -> None:
    rapid = Rapid([], 0.1, "bursts", Clock())
    cadence = rapid.cadence({"all": 5.0})
    rapid.burst(1.0)
    assert await cadence.due() == {"all"}
