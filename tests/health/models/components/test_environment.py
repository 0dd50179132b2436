"""This file holds the housing's model: moisture that the weather does not explain, doors, water, blows and tilts."""

import numpy as np
import pytest

from isolane.health.models.components.environment import Environment, EnvironmentParameters
from isolane.health.models.components.moisture import dew_point_c
from isolane.health.models.measure import Level
from isolane.health.models.model import Rating
from isolane.health.models.window import Floats
from support.cuts import Told, assert_cut_free, line, told
from support.model_pages import page, parameter_rows

_RATING = Rating(direct=True, power_w=150_000.0, current_a=200.0, voltage_v=1000.0)
_HUMIDITY, _INSIDE = "HumiditySensor/Humidity", "TemperatureSensor[Enclosure]/Temperature"
_OUTSIDE, _TILT = "ExternalTemperatureSensor/Temperature", "TiltSensor/Angle"
_DOOR, _FLOOD, _SHOCK = "CaseAccessSensor/Active", "FloodSensor/Percent", "ShockSensor/Force"
_CABLE = "CableBreakawaySensor/Tripped"
_KEYS = (_HUMIDITY, _INSIDE, _OUTSIDE, _TILT, _DOOR, _FLOOD, _SHOCK, _CABLE)
_DAY = 86_400
Signals = dict[str, Floats]


def _make() -> Environment:
    return Environment(EnvironmentParameters(), _RATING, _KEYS)


def _inside() -> Environment:
    return Environment(EnvironmentParameters(humidity_at="inside"), _RATING, _KEYS)


def _weather(rows: int = 1800, humidity: float = 60.0, inside_c: float = 25.0, outside_c: float = 20.0) -> Signals:
    return {_HUMIDITY: line(humidity, rows), _INSIDE: line(inside_c, rows), _OUTSIDE: line(outside_c, rows)}


def _day(vapour: float = 1.0) -> Signals:
    """Give a day and ten minutes that swing by 10 K, with air that is saturated at the night's end, times `vapour`."""
    turn = 2 * np.pi * np.arange(_DAY + 600) / _DAY
    outside = 15 - 5 * np.cos(turn)
    full = np.exp(17.625 * outside / (243.04 + outside))
    least = np.exp(17.625 * 10 / (243.04 + 10))
    humidity = np.minimum(100 * vapour * least / full, 100.0)
    return {_HUMIDITY: humidity, _INSIDE: outside + 3, _OUTSIDE: outside}


def test_moisture_is_told_beyond_the_weathers() -> None:
    dry, wet = (told(_make, _day(vapour)).of("dew_excess")[0] for vapour in (1.0, 1.5))
    assert dry == pytest.approx(0.0, abs=0.2)
    assert wet == pytest.approx(
        dew_point_c(20, 100 * 1.5 * np.exp(17.625 * 10 / 253.04 - 17.625 * 20 / 263.04)) - 10, 0.1
    )


@pytest.mark.parametrize(("humidity", "level"), [(100.0, Level.PLAN), (80.0, Level.PLAN), (40.0, Level.NONE)])
def test_condensation_is_where_the_wall_is_below_the_dew_point(humidity: float, level: Level) -> None:
    given = assert_cut_free(_inside, _weather(2400, humidity, inside_c=20.0, outside_c=10.0))
    assert [each.level for each in given.named("condensation")] == ([] if level is Level.NONE else [level])


def test_a_foggy_night_is_no_condensation_of_the_housings_own() -> None:
    given = told(_make, _weather(6000, 100.0, inside_c=12.0, outside_c=10.0))
    assert [(each.name, each.level) for each in given.findings] == [("damp", Level.INFO)]


def test_corrosion_adds_up_and_outlives_restarts() -> None:
    given = assert_cut_free(_make, _day())
    assert 0 < given.of("corrosion")[0] < 0.1


@pytest.mark.parametrize(
    ("key", "value", "rows", "name", "level"),
    [
        (_DOOR, 1, 5, "door_open", Level.WATCH), (_DOOR, 1, 3600, "door_left_open", Level.PLAN),
        (_FLOOD, 30, 300, "water", Level.DISPATCH), (_SHOCK, 300, 1, "shock", Level.WATCH),
        (_SHOCK, 600, 1, "hard_shock", Level.PLAN), (_CABLE, 1, 2, "cable_torn", Level.DISPATCH),
    ],
)  # fmt: skip
def test_the_housing_is_watched(key: str, value: float, rows: int, name: str, level: Level) -> None:
    signals = _weather(6000) | {key: line(0, 6000)}
    signals[key][700 : 700 + rows - 1] = value
    assert told(_make, signals).named(name) == []
    signals[key][700 : 700 + rows] = value
    found = assert_cut_free(_make, signals).named(name)
    assert found[0].level is level
    if key != _SHOCK:
        assert [each.level for each in found[1:]] == [Level.NONE]


def _tilted(angle: Floats) -> Told:
    return told(_make, _weather(len(angle)) | {_TILT: angle})


def test_tilt_is_told_against_the_mounting_position() -> None:
    """Three days upright teach it; a car that leans on it for a minute is no tilt."""
    angle = np.full(4 * _DAY, 1.2)
    angle[int(3.2 * _DAY) :] += 3.5
    angle[::500] += 40
    given = _tilted(angle).of("tilt")
    assert given[0] == pytest.approx(0.0, abs=0.01)
    assert given[-1] == pytest.approx(3.5, abs=0.01)


def test_three_degrees_need_a_visit() -> None:
    (tilt,) = [each for each in _make().measures if each.name == "tilt"]
    assert (tilt.plan, tilt.dispatch) == (1.5, 3.0)


def test_a_humidity_that_stands_is_a_sensor_and_no_leak() -> None:
    signals = _day()
    signals[_HUMIDITY][:] = 80.0
    given = told(_make, signals)
    assert given.of("dew_excess") == []
    assert [(each.name, each.level) for each in given.findings if each.name != "damp"] == [
        ("humidity_stuck", Level.WATCH)
    ]


def test_without_readings_nothing_is_told() -> None:
    signals = {key: np.full(_DAY + 600, np.nan) for key in _KEYS}
    given = told(_make, signals)
    assert given.findings == []
    assert [each.measure for each in given.features] == ["corrosion"]


def test_the_page_tells_the_parameters() -> None:
    assert parameter_rows(EnvironmentParameters) in page("environment")
