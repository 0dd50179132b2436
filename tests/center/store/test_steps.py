"""This file tests the choice of a chart's step."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.center.store.steps import LADDER_MS, MINUTE_MS, align, choose_step_ms

DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("span_ms", "points", "interval_ms", "step_ms"),
    [
        (3_600_000, 600, 1000, 10_000),
        (3_600_000, 3600, 1000, 1000),
        (60_000, 600, 1000, 1000),
        (60_000, 600, 0, 100),
        (DAY_MS, 600, 1000, 300_000),
        (60_000, 600, 7000, 10_000),
        (365 * DAY_MS, 10, 1000, 37 * DAY_MS),
    ],
)
def test_it_is_the_smallest_that_fits(span_ms: int, points: int, interval_ms: int, step_ms: int) -> None:
    assert choose_step_ms(span_ms, points, interval_ms) == step_ms


@given(st.integers(1, 10**12), st.integers(1, 5000), st.integers(0, 10**6))
def test_it_keeps_to_the_points_and_the_interval(span_ms: int, points: int, interval_ms: int) -> None:
    step_ms = choose_step_ms(span_ms, points, interval_ms)
    assert step_ms * points >= span_ms
    assert step_ms >= interval_ms
    assert step_ms < MINUTE_MS or step_ms % MINUTE_MS == 0


def test_the_ladder_ascends() -> None:
    assert list(LADDER_MS) == sorted(set(LADDER_MS))


@given(st.integers(0, 10**13), st.integers(1, 10**9), st.sampled_from(LADDER_MS))
def test_aligning_widens_by_less_than_a_step(from_ms: int, length_ms: int, step_ms: int) -> None:
    begin, end = align(from_ms, from_ms + length_ms, step_ms)
    assert begin % step_ms == end % step_ms == 0
    assert 0 <= from_ms - begin < step_ms
    assert 0 <= end - from_ms - length_ms < step_ms
