"""This file holds how energy is read off registers: wild samples are left out, leaps that stay are told."""

import numpy as np
import pytest

from isolane.health.models.components.registers import read_power, read_register
from isolane.health.models.window import Floats

_RATED_W = 150_000.0


def _register(rows: int = 600, power_w: float = 36_000.0) -> Floats:
    return np.floor(1000 + np.arange(rows) * power_w / 3600)


def test_a_wild_sample_is_left_out() -> None:
    wh = _register()
    wh[[0, 7, 100, 101, 599]] += (1e5, -1e5, 1e5, 3e5, 1e5)
    found = read_register(wh, _RATED_W)
    assert found is not None
    assert found.whole
    assert found.wh.max() < 1e5
    assert found.at(100) == pytest.approx(_register()[100], abs=20)


def test_a_leap_that_stays_is_told() -> None:
    wh = _register()
    wh[300:] += 5000
    found = read_register(wh, _RATED_W)
    assert found is not None
    assert not found.whole


def test_a_wild_sample_is_no_step_of_a_register_that_rests() -> None:
    wh = np.full(600, 1000.0)
    wh[50] += 1e5
    found = read_register(wh, _RATED_W)
    assert found is not None
    assert (found.whole, found.wh.max()) == (True, 1000.0)


def test_gaps_are_no_leaps_and_steps_are_the_resolution() -> None:
    wh = np.floor(_register() / 100) * 100
    wh[100:400] = np.nan
    found = read_register(wh, _RATED_W)
    assert found is not None
    assert (found.whole, found.step_wh) == (True, 100.0)


def test_without_two_samples_there_is_no_energy() -> None:
    assert read_register(np.full(10, np.nan), _RATED_W) is None
    assert read_power(np.full(10, np.nan)) is None


def test_power_is_integrated_over_short_gaps_alone() -> None:
    power = np.full(3601, 7200.0)
    power[100:110] = np.nan
    found = read_power(power)
    assert found is not None
    assert found.at(3600) == pytest.approx(7200.0)
    power[100:120] = np.nan
    assert read_power(power) is None
