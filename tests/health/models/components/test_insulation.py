"""This file holds the insulation model: weather is taken out, damage and moisture are told apart, sensors doubted."""

import functools

import numpy as np
import pytest

from isolane.health.models.components.insulation import Insulation, InsulationParameters
from isolane.health.models.measure import Level
from isolane.health.models.model import Rating
from isolane.health.models.window import Floats
from isolane.sim.physics.housing import insulation_ohm
from support.cuts import Part, Told, assert_cut_free, line, told
from support.model_pages import page, parameter_rows

_RATING = Rating(direct=True, power_w=150_000.0, current_a=200.0, voltage_v=1000.0)
_OHM, _HUMIDITY = "GroundIsolationProtection/Impedance", "HumiditySensor/Humidity"
_AIR, _PILOT = "ExternalTemperatureSensor/Temperature", "CPPWMController/State"
_KEYS = (_OHM, _HUMIDITY, _AIR, _PILOT)
_DAY = 86_400
Signals = dict[str, Floats]


def _make() -> Insulation:
    return Insulation(InsulationParameters(learn_days=2, learn_intervals=100), _RATING, _KEYS)


def _weather(days: int, seed: int = 1) -> Signals:
    """Give humidity from 40 to 90 % over a day, and the simulator's insulation for it."""
    rng, hours = np.random.default_rng(seed), np.arange(days * 144 + 1) / 6
    humidity = 65 + 25 * np.sin(2 * np.pi * hours / 24) + rng.normal(0, 2, len(hours))
    celsius = 15 - 5 * np.sin(2 * np.pi * hours / 24)
    ohm = np.array([insulation_ohm(each, 1.0) for each in humidity])
    rows = days * _DAY + 600
    return {
        _OHM: np.repeat(ohm, 600)[:rows],
        _HUMIDITY: np.repeat(humidity, 600)[:rows],
        _AIR: np.repeat(celsius, 600)[:rows],
        _PILOT: line(0, rows),
    }


def _last(given: Told, measure: str) -> float:
    return given.of(measure)[-1]


@functools.cache
def _healthy() -> Told:
    return told(_make, _weather(4))


def test_the_weather_is_taken_out() -> None:
    """The simulator's insulation is 8 MOhm at 50 %, whatever the weather."""
    for measure in ("insulation", "insulation_dry", "insulation_wet"):
        assert _healthy().of(measure) == pytest.approx([8e6] * len(_healthy().of(measure)), rel=0.05)
        assert len(_healthy().of(measure)) >= 2
    assert _healthy().findings == []


@pytest.mark.parametrize("scale", [0.7, 0.3])
def test_damage_falls_dry_and_wet_and_moisture_falls_wet_only(scale: float) -> None:
    signals = _weather(4)
    late = np.arange(len(signals[_OHM])) >= 3 * _DAY
    damaged = told(_make, {**signals, _OHM: np.where(late, scale, 1.0) * signals[_OHM]})
    wet = late & (signals[_HUMIDITY] > 70)
    moist = told(_make, {**signals, _OHM: np.where(wet, scale, 1.0) * signals[_OHM]})
    ratios = [
        _last(given, f"insulation_{when}") / _last(_healthy(), f"insulation_{when}")
        for given in (damaged, moist)
        for when in ("dry", "wet")
    ]
    assert ratios == pytest.approx([scale, scale, 1.0, scale], rel=0.02)


def test_a_vehicle_beside_it_is_not_the_chargers_insulation() -> None:
    signals = _weather(4)
    there = (np.arange(len(signals[_OHM])) // 3600) % 3 == 0
    both = 1 / (1 / signals[_OHM] + 1 / 2e6)
    given = told(_make, {**signals, _OHM: np.where(there, both, signals[_OHM]), _PILOT: np.where(there, 2.0, 0.0)})
    assert _last(given, "insulation") == pytest.approx(8e6, rel=0.05)


def test_a_session_has_its_own_value() -> None:
    part = Part(3 * _DAY, 3 * _DAY + 1800)
    (value,) = told(_make, _weather(4), parts=[part]).of("insulation_charging")
    assert value == pytest.approx(8e6, rel=0.1)


def test_cuts_and_restarts_make_no_difference() -> None:
    signals = _weather(3)
    signals[_OHM][200_000:200_500] = 5e4
    given = assert_cut_free(_make, signals)
    assert [each.level for each in given.named("insulation_fault")] == [Level.SAFETY, Level.NONE]


def test_the_fault_limit_needs_more_than_a_spike() -> None:
    signals = _weather(1)
    signals[_OHM][np.arange(0, len(signals[_OHM]), 200)] = 1000.0
    signals[_OHM][500:600] = np.nan
    assert told(_make, signals).findings == []


def test_below_500_ohm_per_volt_for_half_an_hour_is_for_the_next_visit() -> None:
    rows = 3 * 3600
    signals = {_OHM: line(4e6, rows), _HUMIDITY: line(50, rows), _AIR: line(20, rows), _PILOT: line(0, rows)}
    signals[_OHM][1200:4200] = 450e3
    signals[_OHM][6000:7200] = 450e3
    given = assert_cut_free(_make, signals)
    assert [(each.name, each.level) for each in given.findings] == [
        ("insulation_low", Level.PLAN),
        ("insulation_low", Level.NONE),
    ]


def test_a_monitor_that_does_not_follow_the_weather_is_doubted() -> None:
    signals = _weather(4)
    signals[_OHM][3 * _DAY - 1 :] = 3e6
    given = told(_make, signals)
    assert [(each.name, each.level) for each in given.findings] == [("insulation_monitor", Level.WATCH)]
    assert len(given.of("insulation")) == len(_healthy().of("insulation")) - 1


def test_without_humidity_only_the_limits_and_all_days_are_left() -> None:
    model = Insulation(InsulationParameters(), _RATING, (_OHM, _PILOT))
    assert [measure.name for measure in model.measures] == ["insulation", "insulation_charging"]


def test_the_page_tells_the_parameters() -> None:
    assert parameter_rows(InsulationParameters) in page("insulation")
