"""This file holds the law of contact wear against its table and the power law that fits it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.health.models.components.wear import MULTIPLIERS, RATIOS, break_wear, multiplier, power_law


def test_the_table_is_a_power_law_of_1_40_within_5_5_percent() -> None:
    """Microelettrica Scientifica N series, tables 4 and 5."""
    exponent, error = power_law()
    assert exponent == pytest.approx(1.40, abs=0.005)
    assert error == pytest.approx(0.055, abs=0.002)


@pytest.mark.parametrize(("ratio", "times"), list(zip(RATIOS, MULTIPLIERS, strict=True)))
def test_the_table_itself_is_what_counts(ratio: float, times: float) -> None:
    assert multiplier(ratio) == pytest.approx(times)


def test_inching_takes_a_hundred_times_as_much() -> None:
    """Same source: 1,000,000 operations in AC-3 are 10,000 in AC-4."""
    assert multiplier(1 / 6) == pytest.approx(0.01)


@given(st.floats(0.001, 2000), st.floats(0.001, 2000))
def test_wear_rises_with_current(a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert 0 <= break_wear(low, 200, 1000) <= break_wear(-high, 200, 1000) * (1 + 1e-9)


def test_a_break_at_rated_current_is_one_of_its_operations() -> None:
    assert break_wear(200, 200, 500) == pytest.approx(1 / 500)
    assert break_wear(0.1, 200, 500) == 0
