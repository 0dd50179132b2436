"""This file holds how numbers of ten minutes become those of their day."""

import math

import numpy as np
import pytest

from isolane.health.models.components.daily import DAY_S, Daily, middle, middle_of_day


def test_a_day_is_told_when_the_next_begins() -> None:
    daily = Daily()
    assert daily.over(5 * DAY_S + 600) is None
    daily.add("a", 1.0)
    assert daily.over(6 * DAY_S) is None, "the last ten minutes belong to the day that they end"
    daily.add("a", 2.0)
    other = Daily()
    other.recall(daily.note())
    assert other.over(8 * DAY_S + 600) == (6 * DAY_S, {"a": [1.0, 2.0]})
    assert other.over(8 * DAY_S + 1200) is None


def test_middles() -> None:
    assert middle(np.array([1.0, np.nan, 3.0]), 2) == 2.0
    assert math.isnan(middle(np.array([1.0, np.nan, 3.0]), 3))
    median, sd = middle_of_day([1.0, 2.0, 3.0, 100.0])
    assert (median, sd) == pytest.approx((2.5, 1.4826 / 2))
