"""This file checks the small laws one by one; it guards that each is right at points computed by hand."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.sim.physics.contact import Contact, derate
from isolane.sim.physics.faults import HEALTHY, Fault, Faults
from isolane.sim.physics.housing import insulation_ohm
from isolane.sim.physics.noise import Lag, Sensors, Wander
from isolane.sim.physics.pilot import pilot
from isolane.sim.physics.supply import current_imbalance_percent, voltage_imbalance_percent
from isolane.sim.physics.surroundings import humidity_rh, vapour_g_m3


def test_contact_rises_by_g_i_squared_with_its_time_constant() -> None:
    contact = Contact(1e-3, 600.0, 20.0)
    for _ in range(600):
        contact.step(200.0, 20.0, 1.0, 1.0)
    assert contact.celsius == pytest.approx(20 + 40 * (1 - math.exp(-1)), rel=1e-9)


@given(st.floats(0.1, 100), st.integers(1, 50))
def test_a_lag_does_not_depend_on_the_step(total_s: float, steps: int) -> None:
    whole, parts = Lag(3.0, 40.0), Lag(3.0, 40.0)
    whole.step(10.0, total_s)
    for _ in range(steps):
        parts.step(10.0, total_s / steps)
    assert parts.value == pytest.approx(whole.value, rel=1e-9)


def test_a_wander_has_its_spread() -> None:
    wander = Wander(2.0, 600.0, random.Random(1))
    values = [wander.step(300.0) for _ in range(20_000)]
    assert (sum(value * value for value in values) / len(values)) ** 0.5 == pytest.approx(2.0, rel=0.05)


@pytest.mark.parametrize(("celsius", "share"), [(20, 1.0), (80, 1.0), (85, 0.5), (90, 0.0), (120, 0.0)])
def test_derating(celsius: float, share: float) -> None:
    assert derate(celsius, 80.0, 90.0) == share


def test_insulation_at_the_reference_and_in_damp_air() -> None:
    assert insulation_ohm(50, 1.0) == 8e6
    assert insulation_ohm(80, 1.0) == pytest.approx(2.8e6, rel=0.01)


@given(st.floats(-20, 45), st.floats(5, 99))
def test_humidity_there_and_back(celsius: float, humidity: float) -> None:
    assert humidity_rh(celsius, vapour_g_m3(celsius, humidity)) == pytest.approx(humidity, rel=1e-9)


def test_imbalance_of_phases() -> None:
    assert voltage_imbalance_percent([230, 230, 230]) == pytest.approx(0, abs=1e-5)
    assert 2 < voltage_imbalance_percent([230, 230, 215]) < 3
    assert voltage_imbalance_percent([0, 0, 0]) == 0
    assert current_imbalance_percent([30, 30, 30]) == 0
    assert current_imbalance_percent([0, 0, 0]) == 0
    assert current_imbalance_percent([32, 0, 0]) == pytest.approx(200)


@pytest.mark.parametrize(
    ("now_s", "level"), [(0, 1.0), (99, 1.0), (100, 1.0), (150, 1.75), (200, 2.5), (900, 2.5), (1000, 1.0)]
)
def test_a_fault_ramps_and_is_repaired(now_s: float, level: float) -> None:
    assert Fault("conn_gain", 2.5, start_s=100, ramp_s=100, end_s=1000).at(now_s) == level


def test_healthy_faults_do_not_hide_others() -> None:
    faults = Faults([Fault("clog", 0.4), Fault("clog", 0.6, start_s=50)])
    assert faults["clog"] == 0.4
    faults.move_to(60)
    assert faults["clog"] == 0.6
    assert faults["fan_fail"] == HEALTHY["fan_fail"]


def test_sensors_step_by_half_a_kelvin_and_meters_show_nothing_at_nothing() -> None:
    sensors = Sensors(random.Random(1))
    assert all((2 * sensors.pt(20.3)).is_integer() for _ in range(50))
    assert sensors.meter(0.0) == 0.0


def test_pilot_tells_one_story() -> None:
    assert pilot(plugged=False, charging=False, duty_percent=5.0)["1.0/CPPWMController/DCVoltage"] == 12
    assert pilot(plugged=True, charging=False, duty_percent=5.0)["1.0/CPPWMController/State"] == 1
    assert pilot(plugged=True, charging=True, duty_percent=5.0)["1.0/CPPWMController/DCVoltage"] == 6
