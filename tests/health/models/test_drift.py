"""This file tests the drift test against the figures that its page states."""

import numpy as np

from isolane.health.models.drift import Cusum

SCATTER = 0.10
BASELINE = 50


def _first_alarm(growth: float, features: int, seed: int) -> int | None:
    """Give the feature at which drift is found; a baseline of 50 comes before."""
    rng = np.random.default_rng(seed)
    before = rng.normal(0.0, SCATTER, BASELINE)
    middle, spread = float(np.median(before)), float(before.std(ddof=1))
    cusum = Cusum()
    for number in range(features):
        y = float(rng.normal(np.log1p(growth * number), SCATTER))
        if cusum.take((y - middle) / spread, y):
            return number
    return None


def test_a_healthy_part_runs_for_hundreds_of_sessions_without_alarm() -> None:
    runs = [_first_alarm(0.0, 411, seed) for seed in range(200)]
    assert (
        sum(run is not None for run in runs) <= 40
    )  # the tenth percentile is 411 sessions: 20 of 200, with its scatter


def test_growth_of_one_percent_a_session_is_found_at_seventeen_percent() -> None:
    runs = [_first_alarm(0.01, 200, seed) for seed in range(200)]
    found = [run for run in runs if run is not None]
    assert len(found) == len(runs)
    assert 0.12 <= np.median(found) * 0.01 <= 0.22


def test_slow_growth_is_found_at_nine_percent() -> None:
    found = [run for run in (_first_alarm(0.002, 400, seed) for seed in range(200)) if run is not None]
    assert 0.06 <= np.median(found) * 0.002 <= 0.13


def test_one_wild_feature_is_no_drift() -> None:
    cusum = Cusum()
    assert not cusum.take(1e9, 1e9)
    for _ in range(7):
        assert not cusum.take(0.0, 0.0)
    assert cusum.sum_sd == 0.0


def test_it_knows_the_mean_since_the_change() -> None:
    cusum = Cusum()
    for _ in range(5):
        cusum.take(-1.0, 1.0)
    found = [cusum.take(3.0, 2.0) for _ in range(5)]
    assert found.count(True) == 1
    assert cusum.mean == 2.0
