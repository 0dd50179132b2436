"""This file tests who is given a reading; it guards that a grid sees each of its own readings, and once."""

from typing import Protocol

from isolane.core.samples import Reading
from isolane.core.signals import Signal
from isolane.health.sampling.grid import Grid
from isolane.health.sampling.settings import SamplingSettings
from isolane.health.sampling.share import shared

S = 1_000_000_000


class MovedClock(Protocol):
    """What these tests need of the fixture."""

    def mono_ns(self) -> int: ...
    def utc_ns(self) -> int: ...


def grid(clock: MovedClock, *variables: str) -> Grid:
    return Grid([Signal("CP1", f"1.0/EVSE/{name}", "", 1) for name in variables], SamplingSettings(), clock)


def reading(variable: str, value: float) -> Reading:
    return Reading("CP1", f"1.0/EVSE/{variable}", value, 100 * S)


def test_each_grid_is_given_its_own(clock: MovedClock) -> None:
    site, fast, burst = grid(clock, "Power", "DCCurrent"), grid(clock, "DCVoltage"), grid(clock, "DCCurrent")
    emit = shared([site, fast, burst])
    emit([reading("Power", 1), reading("DCVoltage", 2), reading("DCCurrent", 3), reading("Nobody", 4)])
    assert [list(each.row(100 * S).values) for each in (site, fast, burst)] == [[1, 3], [2], [3]]
    assert [each.counts.accepted for each in (site, fast, burst)] == [2, 1, 1]
    assert [each.counts.unknown for each in (site, fast, burst)] == [1, 0, 0]


def test_one_grid_is_given_everything(clock: MovedClock) -> None:
    only = grid(clock, "Power")
    shared([only])([reading("Power", 1), reading("Nobody", 2)])
    assert (only.counts.accepted, only.counts.unknown) == (1, 1)
