"""This file holds rates; it guards that each ends by itself, whatever the UTC clock does."""

from isolane.core.rungs import Rung
from isolane.health.rates import Rates
from support.commanded import HandClock


def test_full_ends_by_itself_or_when_told() -> None:
    clock = HandClock()
    rates = Rates(clock, lambda: Rung.MINUTE, lambda _: None, can_burst=False)
    assert rates.rung.name == "MINUTE"
    assert rates.full(60) == 60
    clock.utc_s += 3600
    assert rates.rung.name == "FULL"
    clock.pass_s(60)
    assert rates.rung.name == "MINUTE"
    rates.full(60)
    assert rates.full(0) == 0
    assert rates.rung.name == "MINUTE"


def test_a_burst_is_bounded_and_not_promised_where_nothing_can_be_read_faster() -> None:
    bursts: list[float] = []
    assert Rates(HandClock(), lambda: Rung.FULL, bursts.append, can_burst=False).rapid(60) == 0
    assert not bursts
    assert Rates(HandClock(), lambda: Rung.FULL, bursts.append, can_burst=True).rapid(3600) == 600
    assert bursts == [600]
