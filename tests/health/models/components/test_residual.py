"""This file holds the residual current's model: what stands, what must have tripped, and what a spike is not."""

import numpy as np
import pytest

from isolane.health.models.components.residual import Residual, ResidualParameters
from isolane.health.models.measure import Level
from isolane.health.models.model import Rating
from support.cuts import assert_cut_free, line, told
from support.model_pages import page, parameter_rows

_RATING = Rating(direct=False, power_w=22_000.0, current_a=32.0, voltage_v=230.0)
_DC, _AC, _TEST = "RCD/xResidualCurrent[DC]", "RCD/xResidualCurrent[AC]", "RCD/xSelfTest"
_ROWS = 86_400 + 600


def _make() -> Residual:
    return Residual(ResidualParameters(), _RATING, (_DC, _AC))


def test_the_days_standing_current_is_told() -> None:
    rng = np.random.default_rng(1)
    direct = 0.0021 + rng.normal(0, 1e-4, _ROWS)
    direct[rng.integers(0, _ROWS, 400)] += 0.05
    given = assert_cut_free(_make, {_DC: direct, _AC: line(0.004, _ROWS)})
    assert given.of("residual_current[DC]") == pytest.approx([0.0021], rel=0.02)
    assert given.of("residual_current[AC]") == pytest.approx([0.004])
    assert given.findings == []


def test_half_of_the_trip_current_is_for_the_next_visit() -> None:
    plans = {measure.name: (measure.plan, measure.limit) for measure in _make().measures}
    assert plans == {"residual_current[DC]": (0.003, 0.006), "residual_current[AC]": (0.015, 0.030)}


def test_what_must_have_tripped_is_told() -> None:
    direct = line(0.001, 1800)
    direct[600:700] = -0.0065
    given = assert_cut_free(_make, {_DC: direct})
    assert [each.level for each in given.named("residual_trip[DC]")] == [Level.SAFETY, Level.NONE]
    assert given.findings[0].remedy.mrec == "CX002"


def test_a_failed_self_test_blocks() -> None:
    passed = line(1, 1800)
    passed[600:900], passed[1000] = 0, 0
    given = assert_cut_free(_make, {_DC: line(0, 1800), _TEST: passed})
    assert [(each.name, each.level) for each in given.findings] == [
        ("self_test", Level.SAFETY),
        ("self_test", Level.NONE),
    ]


def test_an_hour_is_no_day() -> None:
    signals = {_DC: np.full(_ROWS, np.nan)}
    signals[_DC][:1800] = 0.002
    assert told(_make, signals).features == []


def test_the_page_tells_the_parameters() -> None:
    assert parameter_rows(ResidualParameters) in page("residual")
