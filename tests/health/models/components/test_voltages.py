"""This file holds three-phase voltages: unbalance by its definition, the triangle of phases, and load steps."""

import cmath
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.health.models.components.voltages import between_phases, rms, steps, triangle_v, unbalance_percent


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
