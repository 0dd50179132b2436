"""This file holds what makers say of their fans' lives, and the map from PWM to speed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.health.models.components.fans import SpeedMap, life_h


def test_jamicon_75000_h_at_40_celsius_are_33333_h_at_60() -> None:
    assert life_h(60, 75_000, 40, 1.5) == pytest.approx(33_333, abs=1)


def test_sanyo_denki_18900_h_at_85_celsius_are_60000_h_at_60() -> None:
    """Its rule: twice the life per 15 K less."""
    assert life_h(60, 18_900, 85, 2 ** (10 / 15)) == pytest.approx(60_000, abs=10)


@given(st.floats(-20, 90), st.floats(-20, 90), st.floats(1.01, 4))
def test_warmer_is_shorter(a: float, b: float, factor: float) -> None:
    low, high = sorted((a, b))
    assert life_h(low, 60_000, 60, factor) >= life_h(high, 60_000, 60, factor)


def test_a_map_that_is_no_line_is_learnt() -> None:
    rng, known = np.random.default_rng(1), SpeedMap()
    for _ in range(10):
        pwm = rng.uniform(30, 90, 3000)
        known.learn(pwm, 9000 * (pwm / 100) ** 1.15)
    pwm = rng.uniform(20, 100, 5000)
    ratio = known.ratio(pwm, 0.8 * 9000 * (pwm / 100) ** 1.15)
    assert np.abs(ratio - 0.8).max() < 0.03
    assert len(ratio) < 4500, "PWM that was never learnt is not judged"
    assert len(SpeedMap().ratio(pwm, pwm)) == 0


def test_a_fan_that_stands_teaches_nothing() -> None:
    known, pwm = SpeedMap(), np.full(600, 55.0)
    known.learn(pwm, np.zeros(600))
    assert (known.sessions, len(known.ratio(pwm, pwm))) == (0, 0)
