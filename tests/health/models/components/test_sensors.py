"""This file holds the model of sensors: each way of failing is named as its own, and what parts and cars do is not."""

from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from isolane.health.models.components.sensor_traits import traits
from isolane.health.models.components.sensors import Sensors, SensorsParameters
from isolane.health.models.measure import Level
from isolane.health.models.model import Rating
from isolane.health.models.window import Floats
from support.cuts import assert_cut_free, told
from support.model_pages import page, parameter_rows

_RATING = Rating(direct=True, power_w=150_000.0, current_a=200.0, voltage_v=1000.0)
_HOUR, _BEGIN_H, _END_H, _HOURS = 3600, 30, 40, 44
_START_S = 1_800_000_000 - 1_800_000_000 % 86_400 + _BEGIN_H * _HOUR
_WARM = tuple(f"TemperatureSensor[{name}]/Temperature" for name in ("A", "B", "C", "D"))
_AMPERE, _POWER, _FEED = "EVSE/DCCurrent", "EVSE/Power", "ControlMetering/Power"
_VOLTS = tuple(f"ElectricalFeed/ACVoltage[L{phase}]" for phase in (1, 2, 3))
_TURNS = "AirCoolingSystem[1]/FanSpeed"
_KEYS = (*_WARM, *_VOLTS, _AMPERE, _POWER, _FEED, _TURNS)


Make = Callable[[], Sensors]


def _fresh() -> Sensors:
    return Sensors(SensorsParameters(learn_days=1), _RATING, _KEYS)


def _signals() -> dict[str, Floats]:
    """A charger that charges for an hour of every eight."""
    rng = np.random.default_rng(900_003)
    rows = np.arange(_HOURS * _HOUR)
    flows = rows % (8 * _HOUR) < _HOUR
    found: dict[str, Floats] = {}
    for key in _WARM:
        celsius = 15 + 3 * np.sin(rows / 86_400 * 6.28) + rng.normal(0, 0.2, len(rows)) + 8 * flows
        found[key] = np.round(celsius * 2) / 2
    for key in _VOLTS:
        found[key] = np.round(230 + rng.normal(0, 0.2, len(rows)), 1)
    found[_AMPERE] = np.round(flows * (150 + rng.normal(0, 0.2, len(rows))), 1)
    found[_POWER] = np.round(found[_AMPERE] * 400 * (1 + rng.normal(0, 0.0005, len(rows))))
    found[_FEED] = np.round(found[_AMPERE] * 400 * (1 + rng.normal(0, 0.0005, len(rows))))
    found[_TURNS] = np.round(flows * (6000 + rng.normal(0, 9, len(rows))))
    return found


@pytest.fixture(scope="module")
def year() -> dict[str, Floats]:
    return _signals()


@pytest.fixture(scope="module")
def well(year: dict[str, Floats]) -> dict[str, Floats]:
    """What comes after it was learnt."""
    return {key: each[_BEGIN_H * _HOUR :] for key, each in year.items()}


@pytest.fixture(scope="module")
def make(year: dict[str, Floats]) -> Make:
    """Give what makes a model that has learnt."""
    learnt = _fresh()
    assert told(_fresh, {key: each[: _BEGIN_H * _HOUR] for key, each in year.items()}, into=learnt).findings == []
    written = msgspec.json.encode(learnt.state())

    def made() -> Sensors:
        model = _fresh()
        model.restore(msgspec.json.decode(written))
        return model

    return made


def _failing(well: dict[str, Floats], key: str, way: str, size: float = 0.0) -> dict[str, Floats]:
    """Give rows with a sensor that fails for ten hours."""
    shown, fails = well[key].copy(), slice((_END_H - _BEGIN_H) * _HOUR)
    if way == "nan":
        shown[fails] = np.nan
    elif way == "stuck":
        shown[fails] = size
    elif way == "spikes":
        shown[fails][::200] += size
    elif way == "lone":
        shown[fails][::200] = np.nan
    elif way == "steps":
        shown[fails] = np.round(shown[fails] / size) * size
    else:
        shown[fails] += size
    return {**well, key: shown}


def test_of_sensors_that_are_right_nothing_is_said(make: Make, well: dict[str, Floats]) -> None:
    assert told(make, well, start_s=_START_S).findings == []


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        ((_WARM[0], "nan", 0.0), "sensor_missing"),
        ((_TURNS, "nan", 0.0), "sensor_missing"),
        ((_WARM[1], "stuck", 16.5), "sensor_stuck"),
        ((_AMPERE, "stuck", 0.0), "sensor_stuck"),
        ((_VOLTS[1], "spikes", 60.0), "sensor_spikes"),
        ((_WARM[0], "lone", 0.0), "sensor_spikes"),
        ((_VOLTS[0], "steps", 0.5), "sensor_steps"),
        ((_WARM[2], "offset", 6.0), "sensor_offset"),
        ((_VOLTS[2], "offset", -8.0), "sensor_offset"),
        ((_AMPERE, "offset", 2.0), "sensor_offset"),
    ],
)
def test_a_sensor_that_fails_is_named_by_its_way_at_l1_until_it_is_right_again(
    make: Make, well: dict[str, Floats], fault: tuple[str, str, float], name: str
) -> None:
    key = fault[0]
    findings = told(make, _failing(well, *fault), start_s=_START_S).findings
    named = f"{name}[{key}]"
    assert [(each.name, each.level) for each in findings] == [(named, Level.WATCH), (named, Level.NONE)]
    assert findings[0].component == key.partition("/")[0]
    assert findings[0].at_s <= _START_S + (_END_H - _BEGIN_H) * _HOUR


@pytest.mark.parametrize("key", [_TURNS, _VOLTS[0]])
def test_nought_that_a_failed_part_shows_too_is_no_sensor(make: Make, well: dict[str, Floats], key: str) -> None:
    assert told(make, _failing(well, key, "stuck", 0.0), start_s=_START_S).findings == []


def test_when_all_stand_or_are_absent_it_is_no_sensor(make: Make, well: dict[str, Floats]) -> None:
    standing = {key: np.full(12 * _HOUR, each[0]) for key, each in well.items()}
    absent = {key: np.full(12 * _HOUR, np.nan) for key in well}
    assert told(make, standing, start_s=_START_S).findings == []
    assert told(make, absent, start_s=_START_S).findings == []


def test_neither_cuts_nor_restarts_change_what_is_told(make: Make, well: dict[str, Floats]) -> None:
    rows = {key: each[: 2 * _HOUR] for key, each in _failing(well, _WARM[0], "nan").items()}
    assert [each.name for each in assert_cut_free(make, rows).findings] == [f"sensor_missing[{_WARM[0]}]"]


def test_what_was_learnt_can_be_forgotten(make: Make) -> None:
    model = make()
    assert model.state() != _fresh().state()
    model.renew()
    assert model.state() == _fresh().state()


def test_traits_are_what_ten_minutes_show() -> None:
    nan = np.nan
    values = np.array([[1, 5, nan, 0], [1, 5.5, nan, 1], [1, 5, nan, nan], [1, 9, nan, 1], [1, 5, nan, 2]])
    seen = traits(values)
    assert seen.there.tolist() == [5, 5, 0, 4]
    assert seen.moves.tolist() == [False, True, False, True]
    assert seen.changes.tolist() == [0, 4, 0, 2]
    assert seen.step[1] == 0.5
    assert seen.spikes[:, 1].tolist() == [0.5, 0, 4]
    assert seen.lone.tolist() == [0, 0, 0, 1]


def test_the_page_tells_the_parameters() -> None:
    assert parameter_rows(SensorsParameters) in page("sensors")
