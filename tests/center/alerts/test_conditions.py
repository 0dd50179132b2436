"""This file tests hysteresis and duration; it guards that neither a spike nor a gap raises or ends an alert."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.center.alerts.conditions import Limits, State, Window, slope, step

LIMITS = Limits("above", 80, 70, for_ms=30_000, clear_for_ms=10_000, gap_ms=60_000)
VALUES = st.lists(st.floats(-200, 200), min_size=1, max_size=60)


def run(limits: Limits, values: Sequence[tuple[float, float]], state: State | None = None) -> list[bool]:
    state, out = state or State(), []
    for t_s, value in values:
        state = step(state, limits, t_s * 1000, value)
        out.append(state.rising)
    return out


@pytest.mark.parametrize(
    ("values", "rising"),
    [
        ([(0, 81), (10, 81), (20, 81), (30, 81)], [False, False, False, True]),
        ([(0, 81), (20, 79), (30, 81), (50, 81)], [False, False, False, False]),
        ([(0, 80), (30, 80), (60, 80)], [False, False, False]),
        ([(0, 81), (30, 81), (40, 75), (50, 69), (59, 69), (60, 69)], [False, True, True, True, True, False]),
        ([(0, 81), (30, 81), (40, 70), (45, 75), (50, 70), (55, 70)], [False, True, True, True, True, True]),
        ([(0, 81), (61, 81), (80, 81), (91, 81)], [False, False, False, True]),
        ([(0, 81), (30, 81), (500, 69), (505, 69), (510, 69)], [False, True, True, True, False]),
        ([(0, 81), (30, 81), (20, 0), (30, 0)], [False, True, True, True]),
    ],
    ids=["lasts", "spikes", "on the limit", "hysteresis", "wavers", "gap", "gap holds", "older"],
)
def test_tables(values: list[tuple[float, float]], rising: list[bool]) -> None:
    assert run(LIMITS, values) == rising


@given(VALUES, st.integers(0, 20), st.integers(0, 20))
def test_it_rises_only_after_a_whole_run_beyond_the_limit(values: list[float], for_s: int, clear_s: int) -> None:
    limits = Limits("above", 80, 70, for_s * 1000, clear_s * 1000)
    rising = run(limits, list(enumerate(values)))
    for at, (before, now) in enumerate(zip([False, *rising], rising, strict=False)):
        if now and not before:
            assert all(value > 80 for value in values[at - for_s : at + 1])
            assert at >= for_s
        if before and not now:
            assert all(value <= 70 for value in values[at - clear_s : at + 1])


@given(VALUES)
def test_above_and_below_are_mirrors(values: list[float]) -> None:
    mirrored = Limits("below", -80, -70, 3000, 2000)
    upright = Limits("above", 80, 70, 3000, 2000)
    assert run(upright, list(enumerate(values))) == run(mirrored, [(t, -value) for t, value in enumerate(values)])


@given(VALUES, st.data())
def test_the_state_is_all_there_is(values: list[float], data: st.DataObject) -> None:
    """Cut anywhere and go on with the state: nothing changes. So a pass may read as much or as little as it likes."""
    points = list(enumerate(values))
    cut = data.draw(st.integers(0, len(points)))
    state = State()
    for t_s, value in points[:cut]:
        state = step(state, LIMITS, t_s * 1000, value)
    assert run(LIMITS, points)[cut:] == run(LIMITS, points[cut:], state)


@given(VALUES)
def test_rows_that_come_again_change_nothing(values: list[float]) -> None:
    points = list(enumerate(values))
    assert run(LIMITS, points + points)[len(points) :] == [run(LIMITS, points)[-1]] * len(points)


@given(st.lists(st.floats(70.001, 79.999), min_size=1, max_size=30), st.booleans())
def test_between_the_limits_nothing_changes(values: list[float], rising: bool) -> None:  # noqa: FBT001 - Hypothesis
    limits = Limits("above", 80, 70)
    assert set(run(limits, list(enumerate(values)), State(rising=rising))) == {rising}


def test_a_slope_is_a_line_through_the_points() -> None:
    assert slope([(0, 1.0), (1000, 3.0), (2000, 5.0)]) == pytest.approx(2.0)
    assert slope([(0, 1.0)]) is None
    assert slope([]) is None


@given(st.floats(-10, 10), st.floats(-100, 100))
def test_a_window_gives_the_slope_once_half_is_covered(rate: float, start: float) -> None:
    window = Window(10_000)
    told = [window.add(t_s * 1000, start + rate * t_s) for t_s in range(30)]
    assert all(value is None for value in told[:5])
    assert all(value == pytest.approx(rate, abs=1e-6) for value in told[5:])
    assert len(window.points) == 11
    assert window.add(29_000, 0.0) is None
