"""This file tests the forecast of spare parts; it guards that what is not known is not counted as none."""

from collections.abc import Callable
from math import comb

import pytest

from isolane.center.fleet.spares import distribution, interval, spares
from isolane.center.store.fleet_port import Survival
from isolane.center.store.health_views import PartHealth, PartLife

DAY_MS = 86_400_000


def test_equal_chances_are_a_binomial_distribution() -> None:
    expected = [comb(10, count) * 0.3**count * 0.7 ** (10 - count) for count in range(11)]
    assert distribution([0.3] * 10) == pytest.approx(expected)
    assert distribution([]) == [1.0]
    # Tables of the binomial distribution, n = 10, p = 0.3: P(X <= 1) = 0.1493, P(X <= 4) = 0.8497, P(X <= 5) = 0.9527.
    assert interval([0.3] * 10) == (1, 5)
    assert interval([1.0, 1.0]) == (2, 2)
    assert interval([]) == (0, 0)


def test_unlike_chances_are_added_one_by_one() -> None:
    assert distribution([0.5, 0.1]) == pytest.approx([0.45, 0.5, 0.05])


def test_own_models_first_then_the_kind_and_nothing_else(make_part: Callable[..., PartHealth]) -> None:
    curve = Survival("TemperatureSensor", "contact_heating", 9, 6, [], [], [], [], 1.0, 100.0)
    lives = [
        PartLife(make_part(1, level=3), 0, 50_000),
        PartLife(make_part(2, fail_90d=0.25), 0, None),
        PartLife(make_part(3), 100_000 - DAY_MS, None),
    ]
    (one,) = spares(lives, [curve])
    by_kind = 1 - 2.718281828459045**-0.9
    assert one.expected == pytest.approx(1 + 0.25 + by_kind)
    assert (one.part, one.published, one.by_cohort, one.unknown) == ("connector with cable", 2, 1, 0)
    (one,) = spares(lives, [])
    assert (one.expected, one.low, one.high, one.unknown) == (1.25, 1, 2, 1)


def test_a_part_that_nobody_can_bring_is_in_no_forecast(make_part: Callable[..., PartHealth]) -> None:
    assert spares([PartLife(make_part(1, remedy=None), 0, None)], []) == []
