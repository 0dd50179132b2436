"""This file holds what is judged by medians of days: flash memory and the clock's battery are such."""

from typing import ClassVar

import numpy as np
import pytest

from isolane.health.models.components.day_median import DayMedian
from isolane.health.models.measure import Basis, Measure, Per, Remedy
from support.cuts import assert_cut_free

_DAY = 86_400


class Level(DayMedian):
    """Something slow."""

    id: ClassVar[str] = "level/1"
    required: ClassVar[tuple[str, ...]] = ("Tank/Level",)


def _make() -> Level:
    return Level("Tank/Level", Measure("level", "Tank", "m", Per.DAY, Basis.MEASURED, Remedy("fill"), limit=1.0))


def test_wild_samples_and_gaps_change_nothing() -> None:
    level = np.full(2 * _DAY + 600, 3.0)
    level[::97] = 50
    level[20_000:40_000] = np.nan
    given = assert_cut_free(_make, {"Tank/Level": level})
    assert given.of("level") == [3.0, 3.0]


@pytest.mark.parametrize(("seconds", "days"), [(3000, 0), (3600, 1)])
def test_an_hour_is_the_least_that_tells_a_day(seconds: int, days: int) -> None:
    level = np.full(_DAY + 600, np.nan)
    level[:seconds] = 3.0
    assert len(assert_cut_free(_make, {"Tank/Level": level}).of("level")) == days
