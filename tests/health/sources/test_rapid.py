"""This file asks for bursts; it guards that one begins when asked, also before a run, and is never cut short."""

from typing import Literal

from isolane.core.clock import NS_PER_S
from isolane.core.signals import Signal
from isolane.health.sources.rapid import RAPID, Rapid

SIGNAL = Signal("CP1", "1.0/EVSE/Power", "W", 1)
CALM = Signal("CP1", "1.0/EVSE/DCVoltage", "V", 1)
IDENTITY, OTHER = ("CP1", "1.0/EVSE/Power"), ("CP1", "1.0/EVSE/DCVoltage")
WHENS: tuple[Literal["always", "bursts"], ...] = ("always", "bursts")
ORDINARY_S = {IDENTITY: 5.0, OTHER: 5.0}


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 7 * NS_PER_S

    def mono_ns(self) -> int:
        return self.now

    def utc_ns(self) -> int:
        return self.now


async def test_at_all_times_it_is_a_group_beside_the_others() -> None:
    rapid = Rapid(ORDINARY_S, [SIGNAL], 0.1, "always", Clock())
    assert (rapid.periods_s, rapid.bursts_s) == ({IDENTITY: 0.1, OTHER: 5.0}, {})
    cadence = rapid.cadence({"all": 5.0})
    rapid.burst(10)
    assert await cadence.due() == {"all", RAPID}
    assert cadence.left_s == 0.1


async def test_a_burst_is_there_while_it_lasts() -> None:
    clock = Clock()
    rapid = Rapid(ORDINARY_S, [SIGNAL], 0.1, "bursts", clock)
    assert (rapid.periods_s, rapid.bursts_s) == (ORDINARY_S, {IDENTITY: 0.1})
    cadence = rapid.cadence({"all": 5.0})
    assert await cadence.due() == {"all"}
    rapid.burst(1.0)
    rapid.burst(0.2)
    clock.now += NS_PER_S // 2
    assert await cadence.due() == {RAPID}
    clock.now += NS_PER_S // 2
    assert cadence.left_s == 4.0


async def test_a_burst_that_was_asked_for_before_a_run_is_in_it() -> None:
    rapid = Rapid(ORDINARY_S, [SIGNAL], 0.1, "bursts", Clock())
    rapid.burst(1.0)
    assert await rapid.cadence({"all": 5.0}).due() == {"all", RAPID}


async def test_without_signals_there_is_no_burst() -> None:
    rapid = Rapid(ORDINARY_S, [], 0.1, "bursts", Clock())
    cadence = rapid.cadence({"all": 5.0})
    rapid.burst(1.0)
    assert await cadence.due() == {"all"}


async def test_what_is_read_as_often_anyway_is_not_faster() -> None:
    for when in WHENS:
        rapid = Rapid({IDENTITY: 0.1, OTHER: 5.0}, [SIGNAL], 0.1, when, Clock())
        assert (rapid.periods_s, rapid.bursts_s) == ({IDENTITY: 0.1, OTHER: 5.0}, {})
        assert await rapid.cadence({"all": 0.1}).due() == {"all"}


def test_in_its_group_only_what_is_marked_is_due() -> None:
    rapid = Rapid(ORDINARY_S, [SIGNAL], 0.1, "always", Clock())
    due = [signal for signal in (SIGNAL, CALM) if rapid.due(signal, "all", frozenset({RAPID}))]
    assert due == [SIGNAL]
    assert rapid.due(CALM, "all", frozenset({"all", RAPID}))
