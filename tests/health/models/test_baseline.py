"""This file tests what is learnt of a part as commissioned: surer than a median, and as deaf to wild features."""

import numpy as np
import pytest

from isolane.health.models.baseline import FEATURES, Baseline, middle_and_spread


def test_wild_features_move_neither_middle_nor_spread() -> None:
    values = [*np.random.default_rng(1).normal(10.0, 1.0, 47).tolist(), 90.0, 95.0, -70.0]
    middle, spread = middle_and_spread(values)
    assert middle == pytest.approx(np.mean(values[:47]), abs=0.1)
    assert spread == pytest.approx(1.0, rel=0.3)


def test_coarse_steps_do_not_bind_the_middle() -> None:
    """Attenuation comes in whole decibels: its median would be up to half of one off."""
    values = np.round(np.random.default_rng(2).normal(9.5, 1.5, 400)).tolist()
    assert middle_and_spread(values)[0] == pytest.approx(9.5, abs=0.2)


def test_what_never_scatters_has_its_value() -> None:
    assert middle_and_spread([5.0] * 9 + [8.0]) == (5.0, 0.0)


@pytest.mark.parametrize(("every_s", "features", "taken"), [(3600, FEATURES, 50), (3600, 200, 200), (7200, 200, 169)])
def test_it_is_complete_with_enough_features_or_after_two_weeks(every_s: int, features: int, taken: int) -> None:
    baseline = Baseline()
    assert [baseline.take(1.0, at * every_s, features) for at in range(taken)] == [False] * (taken - 1) + [True]
