"""This file holds the cooling's model: each cause leaves its own trace, in the simulator and on the alarms."""

import functools

import numpy as np
import pytest

from isolane.health.models.components.cooling import Cooling, CoolingParameters
from isolane.health.models.measure import Level
from isolane.health.models.model import Rating
from isolane.health.models.window import Floats
from isolane.sim.physics.faults import Fault, FaultKind
from support.cuts import Part, Told, assert_cut_free, line, told
from support.model_pages import page, parameter_rows
from support.recorded import recorded

_RATING = Rating(direct=True, power_w=150_000.0, current_a=200.0, voltage_v=1000.0)
_SPEED, _PWM = "AirCoolingSystem[1]/FanSpeed", "AirCoolingSystem[1]/xPercent"
_SINK, _OUT = "TemperatureSensor[Heatsink]/Temperature", "TemperatureSensor[AirOut]/Temperature"
_AIR = "ExternalTemperatureSensor/Temperature"
_LIMIT = "EVSE/xPowerLimit"
_KEYS = (_SPEED, _PWM, _SINK, _OUT, _AIR, _LIMIT, *(f"AcDcConverter[{n}]/Power" for n in range(1, 6)))
Signals = dict[str, Floats]


def _make() -> Cooling:
    return Cooling(CoolingParameters(map_sessions=1), _RATING, _KEYS)


@functools.cache
def _recorded(kind: FaultKind | None, level: float) -> tuple[Signals, tuple[Part, ...]]:
    """Give two sessions; the fault is there from before the second on."""
    plan = [Fault(kind, level, start_s=1900)] if kind else []
    signals, parts = recorded(2, plan=plan, seed=21, charge_s=1200, rest_s=500)
    return {key: signals[key] for key in _KEYS}, tuple(parts)


def _told(kind: FaultKind | None, level: float = 0.0) -> Told:
    signals, parts = _recorded(kind, level)
    return told(_make, signals, parts=parts)


def _last(given: Told, measure: str) -> float:
    return given.of(measure)[-1]


@pytest.mark.parametrize(
    ("kind", "level", "speed", "airflow", "path"),
    [
        (None, 0.0, 1.0, 1.0, 1.0),
        ("clog", 0.4, 1.04, 0.6, 1.0),
        ("fan_wear", 0.3, 0.7, 1.0, 1.0),
        ("eff_drift", 1.2, 1.0, 1 / 1.2, 1.2 ** (1 - 0.8)),
    ],
)
def test_each_cause_leaves_its_own_trace(
    kind: FaultKind | None, level: float, speed: float, airflow: float, path: float
) -> None:
    """A loss that is not the map's looks like a filter, for its heat warms the air too: the page says so."""
    given, healthy = _told(kind, level), _told(None)
    assert given.of("fan_speed[1]") == pytest.approx([speed], rel=0.05)
    assert _last(given, "airflow") / _last(healthy, "airflow") == pytest.approx(airflow, rel=0.06)
    assert _last(given, "heat_path") / _last(healthy, "heat_path") == pytest.approx(path, rel=0.10)


def test_cuts_and_restarts_make_no_difference() -> None:
    signals, parts = _recorded(None, 0.0)
    given = assert_cut_free(_make, signals, parts)
    assert given.findings == []
    assert len(given.of("airflow")) == 2
    assert len(given.of("fan_speed[1]")) == 1, "the first session taught the map"


@pytest.mark.parametrize("key", [_OUT, _SINK])
@pytest.mark.parametrize("offset_k", [-6.0, 6.0])
def test_a_sensor_that_is_off_is_no_lack_of_air(key: str, offset_k: float) -> None:
    signals, parts = _recorded(None, 0.0)
    wrong = told(_make, {**signals, key: signals[key] + offset_k}, parts=parts)
    for measure in ("airflow", "heat_path"):
        assert wrong.of(measure) == pytest.approx(_told(None).of(measure), rel=1e-6)


def test_a_stuck_outlet_sensor_tells_nothing() -> None:
    signals, parts = _recorded(None, 0.0)
    given = told(_make, {**signals, _OUT: line(25, len(signals[_OUT]))}, parts=parts)
    assert given.of("airflow") == given.of("heat_path") == []


@pytest.mark.parametrize("stuck_rpm", [0.0, 3000.0])
def test_a_stuck_speed_signal_is_no_worn_fan(stuck_rpm: float) -> None:
    signals, parts = _recorded(None, 0.0)
    given = told(_make, {**signals, _SPEED: line(stuck_rpm, len(signals[_SPEED]))}, parts=parts)
    assert given.of("fan_speed[1]") == []
    assert max((each.level for each in given.findings), default=Level.NONE) <= Level.PLAN


def test_a_fan_that_stands_is_told_and_with_a_hot_heatsink_is_a_dispatch() -> None:
    rows = 1800
    signals = {_SPEED: line(6000, rows), _PWM: line(60, rows), _SINK: line(45, rows)}
    signals[_SPEED][300:900] = 0
    given = assert_cut_free(_make, signals)
    assert [each.level for each in given.findings] == [Level.PLAN, Level.NONE]
    signals[_SINK][400:900] = 70
    given = assert_cut_free(_make, signals)
    assert [each.level for each in given.named("fan_failed[1]")] == [Level.DISPATCH, Level.NONE]
    assert given.named("fan_failed[1]")[0].at_s % 86_400 < 420


def test_the_simulators_dead_fans_are_found_before_a_minute() -> None:
    signals, parts = _recorded("fan_fail", 1.0)
    given = told(_make, signals, parts=parts)
    begin = 1_800_000_000 - 1_800_000_000 % 86_400 + parts[1].first
    assert given.named("fan_stands[1]")[0].at_s - begin < 60
    assert given.named("fan_failed[1]")[0].at_s - begin < 60
    assert given.named("heatsink_derates")[0].level is Level.DISPATCH


def test_little_margin_is_for_the_next_visit() -> None:
    rows = 3000
    given = told(
        _make, {_SPEED: line(6000, rows), _PWM: line(60, rows), _SINK: line(68, rows), _LIMIT: line(100, rows)}
    )
    assert [(each.name, each.level) for each in given.findings] == [("heatsink_margin", Level.PLAN)]


def test_a_days_running_takes_its_share_of_life() -> None:
    rows = 86_400 + 600
    speed = np.where(np.arange(rows) < 43_200, 6000.0, 0.0)
    signals = {_SPEED: speed, _PWM: speed / 100, _OUT: line(60, rows), _SINK: line(40, rows)}
    given = told(_make, signals)
    assert given.of("fan_life[1]") == pytest.approx([100 * 12 / 60_000])


def test_warm_air_that_comes_back_is_seen_by_an_inlet_sensor() -> None:
    signals, parts = _recorded(None, 0.0)
    power = sum((signals[f"AcDcConverter[{n}]/Power"] for n in range(1, 6)), start=np.zeros(len(signals[_AIR])))
    inlet = "TemperatureSensor[AirIn]/Temperature"
    both = {**signals, inlet: signals[_AIR] + 1.5 + 8.0 * power / 150_000}
    given = told(lambda: Cooling(CoolingParameters(), _RATING, (*_KEYS, inlet)), both, parts=parts)
    assert given.of("recirculation")[-1] == pytest.approx(8.0, rel=0.25)


def test_without_sensors_there_are_fewer_measures() -> None:
    bare = Cooling(CoolingParameters(), _RATING, (_SPEED, _PWM))
    assert [measure.name for measure in bare.measures] == ["fan_speed[1]", "fan_life[1]"]


def test_the_page_tells_the_parameters() -> None:
    assert parameter_rows(CoolingParameters) in page("cooling")
