"""This file holds three-phase voltages: unbalance by its definition, the triangle of phases, and load steps."""

import cmath
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.health.models.components.voltages import (
    between_phases,
    change,
    quiet_changes,
    rms,
    robust_sd,
    steps,
    triangle_v,
    unbalance_percent,
)


def test_unbalance_of_400_392_408_volt() -> None:
    assert unbalance_percent((400, 392, 408)) == pytest.approx(2.31, abs=0.005)


@given(st.floats(150, 260), st.floats(150, 260), st.floats(150, 260))
def test_unbalance_is_negative_over_positive_sequence(a: float, b: float, c: float) -> None:
    turn = cmath.exp(2j * math.pi / 3)
    va, vb, vc = complex(a), b * turn**2, c * turn
    positive, negative = abs(va + turn * vb + turn**2 * vc), abs(va + turn**2 * vb + turn * vc)
    assert unbalance_percent(between_phases((a, b, c))) == pytest.approx(100 * negative / positive, abs=1e-4)


@given(st.floats(-60, 60), st.floats(-60, 60), st.floats(380, 420))
def test_the_triangle_stays_wherever_the_neutral_is(x: float, y: float, side: float) -> None:
    corners = [side / math.sqrt(3) * cmath.exp(2j * math.pi * k / 3) for k in range(3)]
    away = np.array([[abs(corner - complex(x, y))] for corner in corners])
    assert abs(triangle_v(away)[0] / side - 1) < 1e-6


def test_one_voltage_that_is_wrong_is_another_triangle() -> None:
    assert triangle_v(np.array([[255.0], [230.0], [230.0]]))[0] / (230 * math.sqrt(3)) > 1.03


def test_steps_are_found_once_each() -> None:
    current = np.concatenate((np.zeros(100), np.linspace(0, 100, 8), np.full(100, 100.0), np.full(60, 20.0)))
    current[50] = np.nan
    found = steps(current, 25.0, 15)
    assert len(found) == 2
    assert found[0] in range(92, 101)
    assert found[1] in range(192, 209)
    assert steps(np.full(100, 5.0), 1.0, 15) == []


def test_rms_is_of_what_is_there() -> None:
    assert rms(np.array([3.0, np.nan, 4.0])) == pytest.approx(math.sqrt(12.5))
    assert math.isnan(rms(np.full(3, np.nan)))
    assert math.isnan(unbalance_percent((0, 0, 0)))


def test_a_change_is_that_of_the_rows_beside_it() -> None:
    values = np.repeat([[1.0, 5.0], [2.0, 2.0]], 20, axis=1)
    values[0, 18], values[0, 35] = 90.0, -90.0
    assert change(values, 19, 15, 3).tolist() == [4.0, 0.0]
    values[1, 20] = np.nan
    assert change(values, 5, 15, 3)[0] == 4.0
    assert math.isnan(change(values, 5, 15, 3)[1])


def test_what_a_voltage_does_by_itself_is_seen_between_the_steps() -> None:
    rng = np.random.default_rng(1)
    volts, amperes = 230 + rng.normal(0, 1.0, (3, 600)), np.zeros((3, 600))
    volts[:, 300:] -= 6.0
    amperes[:, 300:] = 32.0
    quiet = quiet_changes(volts, amperes, 0.8, 15)
    assert quiet is not None
    assert quiet.shape == (3, 600 - 15 - 15)
    assert [robust_sd(each) for each in quiet] == pytest.approx([math.sqrt(2)] * 3, rel=0.2)
    assert quiet_changes(volts[:, 240:330], amperes[:, 240:330], 0.8, 15) is not None
    assert quiet_changes(volts[:, 240:320], amperes[:, 240:320], 0.8, 15) is None
