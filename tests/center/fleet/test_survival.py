"""This file holds curves of life against published ones; it guards that parts which last are not taken for failures.

Weeks of remission under 6-mercaptopurine, 21 patients of whom 12 were still in remission: E. J. Freireich et al.,
Blood 21 (1963) 699, the worked example of most textbooks on survival; shares and log-log intervals as they print them.
"""

import sys

import numpy as np
import pytest

from isolane.center.fleet.survival import fails_within, lacking, survival, weibull
from isolane.center.store.fleet_port import Survival

WEEKS = [6.0, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
RELAPSED = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
PUBLISHED = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}


def test_the_curve_is_the_published_one() -> None:
    ages, share, low, high = survival(WEEKS, [bool(one) for one in RELAPSED])
    assert ages == list(PUBLISHED)
    assert share == pytest.approx(list(PUBLISHED.values()), abs=5e-4)
    assert (low[0], high[0]) == pytest.approx((0.6197, 0.9516), abs=5e-4)
    assert (low[-1], high[-1]) == pytest.approx((0.1881, 0.6801), abs=5e-4)


def test_where_all_have_failed_an_end_has_no_formula_and_says_nothing() -> None:
    ages, share, low, high = survival([1.0, 2.0], [True, True])
    assert (ages, share[-1]) == ([1.0, 2.0], 0.0)
    assert (low[-1], high[-1]) == (0.0, 1.0)


def test_where_nobody_has_failed_there_is_no_curve() -> None:
    assert survival([5.0, 9.0], [False, False]) == ([], [], [], [])
    with pytest.raises(ValueError, match="nobody"):
        survival([], [])


def test_a_weibull_distribution_is_found_again_though_half_have_not_failed() -> None:
    random = np.random.default_rng(7)
    lives = 400.0 * random.weibull(3.0, 600)
    watched = random.uniform(150.0, 650.0, 600)
    failed = lives <= watched
    assert 0.3 < failed.mean() < 0.7
    found = weibull(list(np.minimum(lives, watched)), list(failed))
    assert found is not None
    assert found == pytest.approx((3.0, 400.0), rel=0.08)


def test_few_failures_are_not_fitted() -> None:
    assert weibull([1.0, 2.0, 3.0, 4.0, 9.0], [True, True, True, True, False]) is None
    assert weibull([2.0] * 6, [True] * 6) is None


def curve(shape: float | None, scale: float | None) -> Survival:
    return Survival("C", "m", 9, 6, [], [], [], [], shape, scale)


def test_the_chance_to_fail_within_a_time_grows_with_age() -> None:
    assert fails_within(curve(1.0, 100.0), 50.0, 90.0) == pytest.approx(1 - np.exp(-0.9))
    young, old = fails_within(curve(3.0, 400.0), 10.0, 90.0), fails_within(curve(3.0, 400.0), 390.0, 90.0)
    assert young == pytest.approx(1 - np.exp(0.025**3 - 0.25**3))
    assert old is not None
    assert young is not None
    assert old > 0.4 > young
    assert fails_within(curve(None, None), 10.0, 90.0) is None


def test_a_center_without_scipy_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lacking() == ""
    monkeypatch.setitem(sys.modules, "scipy", None)
    assert "fleet" in lacking()
