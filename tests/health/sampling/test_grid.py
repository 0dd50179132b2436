"""This file tests what a row says of readings of every age and kind; it guards the table at the top of the grid."""

import time
from typing import Protocol

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.core.samples import Quality, Reading, Reason
from isolane.core.signals import Signal
from isolane.health.sampling.grid import Grid
from isolane.health.sampling.settings import SamplingSettings
from isolane.wire.block import code, quality_of

KEY = "1.0/EVSE/DCVoltage"
S = 1_000_000_000


class MovedClock(Protocol):
    """What these tests need of the fixture."""

    def mono_ns(self) -> int: ...
    def utc_ns(self) -> int: ...
    def pass_s(self, seconds: float) -> None: ...


def grid_of(clock: MovedClock, period_s: float = 1.0, resolution: float = 0.1, **settings: float) -> Grid:
    signal = Signal("CP1", KEY, "V", resolution)
    return Grid([signal], SamplingSettings(**settings), clock, {("CP1", KEY): period_s})  # type: ignore[arg-type]


def good(value: float, at: int) -> Reading:
    return Reading("CP1", KEY, value, at)


def bad(reason: Reason, at: int) -> Reading:
    return Reading("CP1", KEY, None, at, Quality.BAD, reason)


def seen(grid: Grid, at: int) -> tuple[int, Quality, Reason]:
    row = grid.row(at)
    return (int(row.values[0]), *quality_of(int(row.codes[0])))


def test_before_the_first_reading(clock: MovedClock) -> None:
    assert seen(grid_of(clock), 10 * S) == (0, Quality.BAD, Reason.NEVER_READ)


def test_a_reading_is_good_then_stale_then_bad(clock: MovedClock) -> None:
    grid = grid_of(clock, grace_ms=400, hold_s=30)
    grid.accept([good(401.3, 100 * S)])
    assert seen(grid, 100 * S) == (4013, Quality.GOOD, Reason.NONE)
    assert seen(grid, 101 * S + 400_000_000) == (4013, Quality.GOOD, Reason.NONE)
    assert seen(grid, 101 * S + 400_000_001) == (4013, Quality.STALE, Reason.NONE)
    assert seen(grid, 130 * S) == (4013, Quality.STALE, Reason.NONE)
    assert seen(grid, 130 * S + 1) == (0, Quality.BAD, Reason.AGED)


@pytest.mark.parametrize("value", [0.1 + 0.2, -0.0, 5e-324, 1.7976931348623157e308, -3.0])
def test_of_a_signal_without_a_resolution_the_float_itself_is_held(clock: MovedClock, value: float) -> None:
    grid = grid_of(clock, resolution=0)
    grid.accept([good(value, 100 * S)])
    row = grid.row(100 * S)
    assert row.values.view(np.float64)[0].hex() == value.hex()
    assert seen(grid, 131 * S) == (0, Quality.BAD, Reason.AGED)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_of_a_signal_without_a_resolution_no_number_is_no_value(clock: MovedClock, value: float) -> None:
    grid = grid_of(clock, resolution=0)
    grid.accept([good(value, 100 * S)])
    assert seen(grid, 100 * S) == (0, Quality.BAD, Reason.OUT_OF_RANGE)
    assert grid.counts.out_of_range == 1


def test_a_slow_signal_is_good_for_its_own_period(clock: MovedClock) -> None:
    grid = grid_of(clock, period_s=60, grace_ms=0, hold_s=30)
    grid.accept([good(1.0, 100 * S)])
    assert seen(grid, 160 * S)[1] is Quality.GOOD
    assert seen(grid, 220 * S)[1] is Quality.STALE
    assert seen(grid, 220 * S + 1) == (0, Quality.BAD, Reason.AGED)


def test_a_failure_holds_the_last_value_with_its_reason_until_the_limit(clock: MovedClock) -> None:
    grid = grid_of(clock, hold_s=30)
    grid.accept([good(401.3, 100 * S)])
    for second in range(101, 140):
        grid.accept([bad(Reason.TIMEOUT, second * S)])
        expected = (4013, Quality.STALE) if second <= 130 else (0, Quality.BAD)
        assert seen(grid, second * S) == (*expected, Reason.TIMEOUT)
    grid.accept([good(400.0, 140 * S)])
    assert seen(grid, 140 * S) == (4000, Quality.GOOD, Reason.NONE)


def test_a_failure_before_any_value_gives_its_reason(clock: MovedClock) -> None:
    grid = grid_of(clock, hold_s=30)
    grid.accept([bad(Reason.DISCONNECTED, 100 * S)])
    assert seen(grid, 101 * S) == (0, Quality.BAD, Reason.DISCONNECTED)
    assert seen(grid, 131 * S) == (0, Quality.BAD, Reason.NEVER_READ)


def test_an_old_failure_tells_nothing_any_more(clock: MovedClock) -> None:
    grid = grid_of(clock, hold_s=30)
    grid.accept([good(1.0, 100 * S), bad(Reason.REFUSED, 101 * S)])
    assert seen(grid, 131 * S) == (0, Quality.BAD, Reason.REFUSED)
    assert seen(grid, 131 * S + 1) == (0, Quality.BAD, Reason.AGED)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e18, -1e300])
def test_what_no_integer_can_hold_is_out_of_range(clock: MovedClock, value: float) -> None:
    grid = grid_of(clock)
    grid.accept([good(401.3, 100 * S), good(value, 101 * S)])
    assert seen(grid, 101 * S) == (4013, Quality.STALE, Reason.OUT_OF_RANGE)
    assert grid.counts.out_of_range == 1


def test_readings_out_of_order_and_unknown_ones_are_counted_and_dropped(clock: MovedClock) -> None:
    grid = grid_of(clock)
    grid.accept([good(2.0, 100 * S), good(1.0, 99 * S), Reading("CP2", KEY, 1.0, 100 * S)])
    assert seen(grid, 100 * S)[0] == 20
    assert (grid.counts.accepted, grid.counts.late, grid.counts.unknown) == (1, 1, 1)


def test_a_reading_from_a_clock_that_is_ahead_is_taken_as_of_its_arrival(clock: MovedClock) -> None:
    grid, now = grid_of(clock, grace_ms=400, hold_s=30), clock.mono_ns()
    grid.accept([good(401.3, now + 3600 * S)])
    assert seen(grid, now) == (4013, Quality.GOOD, Reason.NONE)
    assert seen(grid, now + 2 * S) == (4013, Quality.STALE, Reason.NONE)
    assert seen(grid, now + 31 * S) == (0, Quality.BAD, Reason.AGED)
    clock.pass_s(5)
    grid.accept([good(402.0, now + 5 * S)])
    assert seen(grid, now + 5 * S) == (4020, Quality.GOOD, Reason.NONE), "the one ahead does not make this one late"
    grid.accept([bad(Reason.TIMEOUT, now + 9000 * S)])
    assert seen(grid, now + 5 * S)[1:] == (Quality.STALE, Reason.TIMEOUT), "a failure ahead is one of now"
    assert (grid.counts.ahead, grid.counts.late, grid.counts.accepted) == (2, 0, 3)


@given(
    st.sampled_from([0.001, 0.01, 0.05, 0.1, 0.5, 1.0, 10.0, 1000.0, 1e-6, 4096.0]),
    st.integers(-(2**45), 2**45),
)
def test_a_device_step_is_stored_exactly(resolution: float, steps: int) -> None:
    grid = Grid([Signal("CP1", KEY, "V", resolution)], SamplingSettings(), Still())
    grid.accept([good(steps * resolution, 5 * S)])
    assert seen(grid, 5 * S) == (steps, Quality.GOOD, Reason.NONE)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 100), st.sampled_from(list(Reason)[1:])), max_size=30))
def test_a_row_never_shows_a_value_older_than_the_limit(readings: list[tuple[bool, int, Reason]]) -> None:
    grid = Grid([Signal("CP1", KEY, "V", 1)], SamplingSettings(hold_s=10), Still())
    newest_good = None
    for is_good, second, reason in readings:
        before = grid.counts.late
        grid.accept([good(second, second * S) if is_good else bad(reason, second * S)])
        if is_good and grid.counts.late == before:
            newest_good = second
    for second in range(100, 130):
        value, quality, reason = seen(grid, second * S)
        held = newest_good is not None and second - newest_good <= 10
        assert (quality is not Quality.BAD) == held
        assert value == (newest_good if held else 0)
        assert (quality is Quality.GOOD) <= (reason is Reason.NONE)


@given(st.lists(st.tuples(st.integers(-1000, 1000), st.integers(0, 60)), max_size=30))
def test_a_row_shows_only_what_a_device_said(readings: list[tuple[int, int]]) -> None:
    """Between two readings stands the older one, never a mean of both: a slow device is held, not interpolated."""
    grid = Grid([Signal("CP1", KEY, "V", 1)], SamplingSettings(hold_s=100), Still())
    said = {0}
    for value, second in sorted(readings, key=lambda each: each[1]):
        grid.accept([good(value, second * S)])
        said.add(value)
        for later in (0, S // 3, S // 2):
            value_shown, quality, _ = seen(grid, second * S + later)
            assert value_shown in said
            assert quality is not Quality.BAD


def test_a_signal_twice_is_refused(clock: MovedClock) -> None:
    signal = Signal("CP1", KEY, "V", 0.1)
    with pytest.raises(ValueError, match="twice"):
        Grid([signal, signal], SamplingSettings(), clock)


def test_fifty_chargers_of_fifty_signals_take_a_row_well_under_a_millisecond(clock: MovedClock) -> None:
    signals = [Signal(f"CP{n // 50}", f"1.0/EVSE/xSignal{n % 50}", "", 0.1) for n in range(2500)]
    grid = Grid(signals, SamplingSettings(), clock)
    grid.accept([Reading(s.charger, s.key, 1.0, 100 * S) for s in signals[:2000]])
    spent = []
    for _ in range(50):
        begin = time.perf_counter()
        row = grid.row(101 * S)
        spent.append(time.perf_counter() - begin)
    assert min(spent) < 0.001
    assert np.count_nonzero(row.codes == code(Quality.GOOD)) == 2000
    assert row.values.dtype == np.int64
    assert row.codes.dtype == np.uint8


class Still:
    """A clock that stands, later than all readings."""

    def mono_ns(self) -> int:
        return 1000 * S

    def utc_ns(self) -> int:
        return 0
