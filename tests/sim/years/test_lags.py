"""This file holds the block filter against the plain recursion; it guards that they are the same."""

import math

import numpy as np
import pytest

from isolane.sim.years.lags import lag, wander


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 1200])
@pytest.mark.parametrize(("tau_s", "start"), [(0.3, 50.0), (600.0, -10.0), (1e6, 3.0)])
def test_lag_is_the_recursion(count: int, tau_s: float, start: float) -> None:
    targets = np.random.default_rng(count).normal(20, 10, count)
    keep, value, plain = math.exp(-1 / tau_s), start, []
    for target in targets:
        value = target + (value - target) * keep
        plain.append(value)
    assert lag(targets, tau_s, 1.0, start) == pytest.approx(np.array(plain), abs=1e-9)


def test_wander_has_its_spread_and_memory() -> None:
    values = wander(np.random.default_rng(1), 400_000, 2.0, 100.0, dt_s=10.0, start=0.0)
    assert values.std() == pytest.approx(2.0, rel=0.03)
    assert np.corrcoef(values[:-10], values[10:])[0, 1] == pytest.approx(math.exp(-1), abs=0.03)
