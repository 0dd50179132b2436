"""This file holds the clock's model: an offset that lasts, one that is over at once, and a date that fell back."""

import numpy as np
import pytest

from isolane.health.models.components.clock import Clock, ClockParameters
from isolane.health.models.measure import Level
from isolane.health.models.model import Rating
from support.cuts import assert_cut_free, line
from support.model_pages import page, parameter_rows

_RATING = Rating(direct=True, power_w=150_000.0, current_a=200.0, voltage_v=1000.0)
_OFFSET = "RealTimeClock/xOffset"


def _make() -> Clock:
    return Clock(ClockParameters(), _RATING, (_OFFSET,))


@pytest.mark.parametrize(
    ("offset_s", "names"),
    [
        (0.3, []), (-2.0, ["clock_off"]), (6.0, ["clock_off", "clock_far"]),
        (-1.7e9, ["clock_off", "clock_far", "rtc_reset"]),
    ],
)  # fmt: skip
def test_offsets_are_told_and_over(offset_s: float, names: list[str]) -> None:
    offset = line(0.01, 6000)
    offset[1200:3000] = offset_s
    given = assert_cut_free(_make, {_OFFSET: offset})
    assert [each.name for each in given.findings if each.level is not Level.NONE] == names
    assert [each.name for each in given.findings if each.level is Level.NONE] == names


def test_wild_offsets_are_none() -> None:
    offset = line(0.01, 6000)
    offset[::200] = 900
    assert assert_cut_free(_make, {_OFFSET: offset}).findings == []


def test_the_days_offset_is_told() -> None:
    given = assert_cut_free(_make, {_OFFSET: np.full(86_400 + 600, -0.25)})
    assert given.of("clock_offset") == [0.25]


def test_the_page_tells_the_parameters() -> None:
    assert parameter_rows(ClockParameters) in page("clock")
