"""This file tests by table what a sent value becomes; it guards that anything that is no number is a reason."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.core.failures import IsolaneError
from isolane.core.samples import Reason
from isolane.health.sources.points import PointSettings, signals_of, value_of

KEY = "0.0/TemperatureSensor[Cabinet]/Temperature"
POINT = PointSettings(key=KEY, unit="Celsius", resolution=0.1, scale=0.1, offset=-40, range=(-40, 85))
STATES = PointSettings(key=KEY, map={"OK": 0, "fault": 1, "7": 7, "true": 2})


@pytest.mark.parametrize(
    ("point", "sent", "value"),
    [
        (POINT, 650, 25.0),
        (POINT, 650.0, 25.0),
        (POINT, "650", 25.0),
        (POINT, True, -39.9),
        (POINT, 6500, Reason.OUT_OF_RANGE),
        (POINT, math.nan, Reason.OUT_OF_RANGE),
        (POINT, "nan", Reason.OUT_OF_RANGE),
        (POINT, 10**400, Reason.OUT_OF_RANGE),
        (POINT, "warm", Reason.MALFORMED),
        (POINT, "1" * 65, Reason.MALFORMED),
        (POINT, {"a": 1}, Reason.MALFORMED),
        (POINT, [1], Reason.MALFORMED),
        (POINT, None, Reason.NOT_IMPLEMENTED),
        (STATES, "OK", 0),
        (STATES, 7, 7),
        (STATES, 7.0, 7),
        (STATES, True, 2),
        (STATES, "burning", Reason.OUT_OF_RANGE),
        (STATES, [], Reason.MALFORMED),
    ],
)
def test_a_sent_value_is_a_number_in_its_unit_or_a_reason(point: PointSettings, sent: object, value: object) -> None:
    found = value_of(point, sent)
    assert type(found) is Reason if isinstance(value, Reason) else True
    assert found == (value if isinstance(value, Reason) else pytest.approx(value))


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5))
def test_nothing_that_json_can_say_raises(sent: object) -> None:
    for point in (POINT, STATES):
        found = value_of(point, sent)
        assert isinstance(found, Reason) or math.isfinite(found)


@pytest.mark.parametrize(
    ("points", "says"),
    [
        ([PointSettings(key="Temperature")], "no signal key"),
        ([PointSettings(key=KEY, unit="Fahrenheit")], "unknown unit 'Fahrenheit'"),
        ([PointSettings(key=KEY, scale=0)], "must be finite, and the scale not 0"),
        ([PointSettings(key=KEY, range=(5, 5))], "does not rise"),
        ([PointSettings(key=KEY), PointSettings(key=KEY, unit="K")], "stands twice for charger ''"),
    ],
)
def test_a_point_that_cannot_be_is_refused_in_words(points: list[PointSettings], says: str) -> None:
    with pytest.raises(IsolaneError, match=says):
        signals_of("s", points)
