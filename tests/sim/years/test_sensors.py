"""This file lets sensors err; it guards that what is wrong is exactly what the fault says, for as long as it says."""

import numpy as np
import pytest

from isolane.sim.years.faults import DAY_S, Fault
from isolane.sim.years.sensors import Noise, Sensors, Values, unit_and_step

_KEY = "1.0/TemperatureSensor[Heatsink]/Temperature"
_NOISE = Noise(1)
_TRUE = 40 + 10 * np.sin(np.arange(DAY_S) / 5000)


def _day(day: int, held: dict[str, float], *faults: Fault) -> Values:
    sensors = Sensors(_NOISE, np.random.default_rng(day), DAY_S)
    sensors.pt(_KEY, _TRUE)
    sensors.fall_ill(faults, day * DAY_S + np.arange(DAY_S), held)
    return sensors.signals[_KEY]


def _fault(kind: str, level: float, **rest: float) -> Fault:
    return Fault(kind=kind, level=level, place=_KEY, shape="step", **rest)  # type: ignore[arg-type] # days, by name


def test_pt_has_its_noise_and_steps() -> None:
    error = _day(0, {}) - _TRUE
    assert error.std() == pytest.approx(np.hypot(0.2, 0.5 / np.sqrt(12)), rel=0.03)
    assert abs(error.mean()) < 0.01


def test_stuck_holds_over_midnight_and_ends() -> None:
    fault, held = _fault("sensor_stuck", 1, onset_day=0.5, end_day=1.5), dict[str, float]()
    days = [_day(day, held, fault) for day in range(3)]
    half = DAY_S // 2
    assert np.ptp(days[0][:half]) > 5
    assert set(days[0][half:]) == {days[0][half]} == set(days[1][:half])
    assert np.ptp(days[1][half:]) > 5
    assert np.array_equal(days[2], _day(2, {}))
    assert not held


def test_offset_and_steps_and_absence() -> None:
    well = _day(0, {})
    assert np.array_equal(_day(0, {}, _fault("sensor_offset", 2.5)), well + 2.5)
    coarse = _day(0, {}, _fault("sensor_steps", 5))
    assert np.abs(coarse - well).max() <= 2.5
    assert set(coarse % 5) == {0}
    burst = Fault(kind="sensor_nan", level=1, place=_KEY, shape="intermittent", duty=0.1, dwell_s=60)
    assert np.isnan(_day(0, {}, burst)).mean() == pytest.approx(0.1, abs=0.03)


def test_spikes_are_rare_and_high() -> None:
    wrong = _day(0, {}, _fault("sensor_spikes", 30)) - _day(0, {})
    assert (wrong != 0).mean() == pytest.approx(1 / 200, rel=0.2)
    assert set(wrong) == {-30, 0, 30}


def test_gap_loses_all() -> None:
    sensors = Sensors(_NOISE, np.random.default_rng(0), 5)
    sensors.plain("1.0/EVSE/xState", 2.0)
    sensors.register("1.0/FiscalMetering/EnergyImportRegister", np.array([0.9, 1.9, 2.9, 3.9, 4.9]))
    sensors.gap(np.array([False, True, False, False, False]))
    assert np.isnan(sensors.signals["1.0/EVSE/xState"][1])
    assert sensors.signals["1.0/FiscalMetering/EnergyImportRegister"][[0, 2]].tolist() == [0, 2]


def test_units() -> None:
    assert unit_and_step(_KEY) == ("Celsius", 0.5)
    assert unit_and_step("1.0/ElectricalFeed/ACVoltage[L2]") == ("V", 0.1)
