"""This file tests the CUSUM; it guards that sound features rarely raise it and a drift surely does."""

import random
from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.center.alerts.cusum import Drift, Scheme, feed

SCHEME = Scheme(baseline=50, k=0.5, h=8, clear=4, side="both", persist=2, winsor=4)
LEARNT = Drift(count=50, mean=10.0, square=49.0)
FEATURES = st.lists(st.floats(-1000, 1000), max_size=80)


def run(features: list[float], scheme: Scheme = SCHEME, drift: Drift = LEARNT) -> Drift:
    for feature in features:
        drift = feed(drift, scheme, feature)
    return drift


def test_the_baseline_is_mean_and_deviation_of_the_first_features() -> None:
    drift = run([8.0, 12.0] * 25, drift=Drift())
    assert drift.mean == pytest.approx(10)
    assert drift.sd(SCHEME) == pytest.approx(2.0203, abs=1e-4)
    assert (drift.up, drift.down, drift.rising) == (0, 0, False)


@given(FEATURES)
def test_the_baseline_is_frozen(features: list[float]) -> None:
    drift = run(features)
    assert (drift.count, drift.mean, drift.square) == (50, 10.0, 49.0)


@given(FEATURES)
def test_sums_stay_within_bounds(features: list[float]) -> None:
    drift = run(features)
    assert 0 <= drift.up <= 16
    assert 0 <= drift.down <= 16


@given(FEATURES)
def test_up_and_down_are_mirrors(features: list[float]) -> None:
    one, other = run(features), run([20 - feature for feature in features])
    assert one.up == pytest.approx(other.down)
    assert one.rising == other.rising


@given(st.lists(st.floats(9.5, 10.5), max_size=200))
def test_what_is_within_the_allowance_never_adds_up(features: list[float]) -> None:
    drift = run(features)
    assert max(drift.up, drift.down) == pytest.approx(0, abs=1e-9)


@given(st.floats(-1e9, 1e9))
def test_one_outlier_raises_nothing(outlier: float) -> None:
    assert not run([outlier, 10.0, 10.0, 10.0]).rising


def test_a_lasting_shift_raises_after_so_many_features_and_ends_after_the_repair() -> None:
    """Two deviations less k = 0.5: 1.5 a feature, so 8 is reached with the sixth, and persists with the seventh."""
    shifted = [12.0] * 6
    assert not run(shifted).rising
    drift = run([*shifted, 12.0])
    assert drift.rising
    assert run([10.0] * 12, drift=drift).rising
    assert not run([10.0] * 13, drift=drift).rising


@pytest.mark.parametrize(("side", "rising"), [("up", True), ("both", True), ("down", False)])
def test_only_the_side_that_counts(side: Literal["up", "down", "both"], rising: bool) -> None:  # noqa: FBT001 - a column of the table
    scheme = replace(SCHEME, side=side)
    assert run([14.0] * 10, scheme).rising == rising


def test_a_baseline_without_scatter_judges_nothing_unless_a_least_deviation_is_given() -> None:
    flat = Drift(count=50, mean=10.0)
    assert not run([99.0] * 50, drift=flat).rising
    assert run([99.0] * 10, replace(SCHEME, sd_min=1.0), flat).rising


def test_false_alarms_are_rare_and_drifts_are_found() -> None:
    """With a known baseline the two-sided scheme of k 0.5 and h 8 has an average run length over a thousand."""
    draw = random.Random(5)
    assert not any(run([draw.gauss(10, 1) for _ in range(200)]).rising for _ in range(40))
    assert all(run([draw.gauss(11.5, 1) for _ in range(40)]).rising for _ in range(40))
