"""This file tests `tap.register_series`: what a register can do, and what it cannot."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.core.clock import NS_PER_S
from isolane.tap.register_series import RegisterSeries, Sample, change, samples
from isolane.wire import tap_event as ev

HOUR_MS = 3_600_000
POWER_W = 350_000.0


def sample(energy_wh: float, utc_ms: int | None = 0, order: int | None = None, mono_s: int = 0) -> Sample:
    return Sample("Outlet Wh", energy_wh, utc_ms, order, mono_s * NS_PER_S)


def judged(*told: Sample) -> list[str]:
    series = RegisterSeries(POWER_W)
    return [series.take(each) for each in told]


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ([sample(100, 1), sample(50, 2)], ["", "back"]),
        ([sample(100, 1), sample(95, 2)], ["", ""]),
        ([sample(9000, 10), sample(8000, 1), sample(7000, 20)], ["", "", "back"]),
        ([sample(100, 10), sample(50, 9), sample(60, 9), sample(110, 11)], ["", "", "", ""]),
        ([sample(100, 10), sample(110, 1), sample(105, 2), sample(90, 3)], ["", "", "", "back"]),
        ([sample(100, None), sample(50, None)], ["", ""]),
        ([sample(100, 10, 1), sample(50, 1, 2)], ["", "back"]),
        ([sample(100, 10, 2), sample(50, 20, 1)], ["", ""]),
        ([sample(100, 10, 1), sample(50, 20, 1)], ["", "back"]),
        ([sample(0, 1), sample(1e6, 2)], ["", "jump"]),
        ([sample(0, 1), sample(1e6, 1 + 2 * HOUR_MS)], ["", ""]),
        ([sample(0, 1), sample(1e6, 2, mono_s=7200)], ["", ""]),
        ([sample(0, 1), sample(300_000, 2)], ["", ""]),
    ],
)
def test_only_what_is_certain_is_told(told: list[Sample], found: list[str]) -> None:
    assert judged(*told) == found


def test_registers_of_another_place_or_unit_are_others() -> None:
    values = (
        ev.MeterValue("Energy.Active.Import.Register", "", "", "Wh", 5000.0),
        ev.MeterValue("Energy.Active.Import.Register", "", "Outlet", "kWh", 4.0),
        ev.MeterValue("Energy.Active.Import.Register", "", "Inlet", "Wh", 3.0),
        ev.MeterValue("Energy.Active.Import.Register", "L1", "", "Wh", 2.0),
        ev.MeterValue("Energy.Active.Import.Register", "", "", "", 1.0),
        ev.MeterValue("Energy.Active.Export.Register", "", "", "Wh", 1.0),
    )
    told = samples([ev.Metered("CP1", 3, 1, values, 7), ev.Disconnected("CP1", 3, "csms", None)], 9)
    assert told == [
        Sample("Outlet Wh", 5000, 7, 9, 3), Sample("Outlet kWh", 4000, 7, 9, 3), Sample("Inlet Wh", 3, 7, 9, 3)
    ]  # fmt: skip
    assert judged(*told) == ["", "", ""]


def test_a_time_that_runs_back_gives_no_negative_allowance() -> None:
    assert change(sample(0, 10 * HOUR_MS), sample(1000, 1), POWER_W) == ""


TRUE = st.lists(st.tuples(st.integers(1, 900), st.integers(0, 80_000)), min_size=1, max_size=30)


@given(steps=TRUE, offsets=st.lists(st.integers(-(10**9), 10**9), min_size=30, max_size=30))
def test_a_true_register_told_in_order_by_any_clock_is_no_alarm(
    steps: list[tuple[int, int]], offsets: list[int]
) -> None:
    """The clock may be set before every value, and all may come at one moment."""
    series, energy_wh, true_ms = RegisterSeries(POWER_W), 0, 10**12
    for (passed_s, gained_wh), offset_ms in zip(steps, offsets, strict=False):
        energy_wh, true_ms = energy_wh + gained_wh, true_ms + passed_s * 1000
        assert series.take(sample(energy_wh, true_ms + offset_ms)) == ""


@given(steps=TRUE, data=st.data())
def test_a_true_register_told_in_any_order_by_a_right_clock_is_no_alarm(
    steps: list[tuple[int, int]], data: st.DataObject
) -> None:
    told, energy_wh, true_ms = [], 0, 10**12
    for passed_s, gained_wh in steps:
        energy_wh, true_ms = energy_wh + gained_wh, true_ms + passed_s * 1000
        told.append(sample(energy_wh, true_ms))
    series = RegisterSeries(350_000 * 8)  # a queue in any order leaves gaps of hours, filled by more than one step
    assert not any(series.take(each) for each in data.draw(st.permutations(told)))


@given(steps=TRUE, cut=st.integers(0, 29), loss_wh=st.integers(11, 10**6))
def test_a_register_that_falls_is_always_told(steps: list[tuple[int, int]], cut: int, loss_wh: int) -> None:
    series, energy_wh, utc_ms = RegisterSeries(POWER_W), 10**7, 10**12
    for passed_s, gained_wh in steps[: cut + 1]:
        energy_wh, utc_ms = energy_wh + gained_wh, utc_ms + passed_s * 1000
        assert series.take(sample(energy_wh, utc_ms)) == ""
    assert series.take(sample(energy_wh - loss_wh, utc_ms + 1)) == "back"
