"""This file holds the law of a contact's warming: the filter, and that the estimate is free of a sensor's faults."""

import numpy as np
import pytest

from isolane.health.models.components.heating import filtered, heating, regressors, whole_piece
from isolane.health.models.window import Floats


def _rise(drive: Floats, tau_s: float, gain: float, start_k: float = 0.0) -> Floats:
    keep, out, value = np.exp(-1 / tau_s), np.empty(len(drive)), start_k
    for k, each in enumerate(drive):
        out[k] = value
        value = keep * value + (1 - keep) * gain * each
    return out


def _drive(rng: np.random.Generator, rows: int = 1800) -> Floats:
    taper = np.clip(1.2 - np.linspace(0, 1.0, rows), 0.2, 1.0) * rng.uniform(150, 200)
    return np.asarray(taper**2)


def test_the_filter_is_the_recursion_of_its_law() -> None:
    drive = np.random.default_rng(3).uniform(0, 4e4, 4000)
    assert filtered(drive, 200.0) == pytest.approx(_rise(drive, 200.0, 1.0), rel=1e-9)


def test_it_is_free_of_bias_where_a_quantised_sensor_fools_arx() -> None:
    """The notes' figures: filtered regressor bias <= 0.1 %, sd <= 0.5 %; ARX least squares -24 % (DC, simulated)."""
    rng, gains, arx = np.random.default_rng(4), [], []
    for _ in range(150):
        drive = _drive(rng)
        seen = np.round((_rise(drive, 600.0, 1e-3) + rng.normal(0, 0.2, len(drive))) * 2) / 2
        found = heating(regressors(drive, 600.0, known=True), seen)
        assert found is not None
        gains.append(found.values[0] / 1e-3)
        rows = np.column_stack((seen[:-1], drive[:-1]))
        a, b = np.linalg.lstsq(rows, seen[1:], rcond=None)[0]
        arx.append(b / (1 - a) / 1e-3)
    assert abs(np.mean(gains) - 1) <= 0.001
    assert np.std(gains) <= 0.005
    assert np.mean(arx) < 0.9


@pytest.mark.parametrize("wrong", [0.7, 1.3])
def test_a_wrong_time_constant_is_a_constant_bias(wrong: float) -> None:
    """Within 25 %, and the same for a contact that is worn: drift does not see it."""
    rng, ratios = np.random.default_rng(5), []
    for _ in range(20):
        drive = _drive(rng)
        new = heating(regressors(drive, 600 * wrong, known=True), _rise(drive, 600.0, 1e-3))
        worn = heating(regressors(drive, 600 * wrong, known=True), _rise(drive, 600.0, 1.3e-3))
        assert new is not None
        assert worn is not None
        assert abs(new.values[0] / 1e-3 - 1) < 0.25
        ratios.append(worn.values[0] / new.values[0])
    assert ratios == pytest.approx([1.3] * 20, rel=1e-6)


@pytest.mark.parametrize("offset_k", [-10.0, 0.0, 5.0])
@pytest.mark.parametrize("start_k", [0.0, 25.0])
def test_offsets_and_what_was_before_make_no_difference(offset_k: float, start_k: float) -> None:
    drive = _drive(np.random.default_rng(6))
    found = heating(regressors(drive, 600.0, known=False), _rise(drive, 600.0, 1e-3, start_k) + offset_k)
    assert found is not None
    assert found.values[0] == pytest.approx(1e-3, rel=1e-6)
    assert found.values[1] == pytest.approx(offset_k, abs=1e-5)


def test_short_gaps_are_closed_and_long_ones_part() -> None:
    current = np.arange(100, dtype=float)
    current[10:15], current[40:60], current[95:] = np.nan, np.nan, np.nan
    first, piece = whole_piece(current)
    assert first == 0
    assert piece == pytest.approx(np.arange(40))
    assert len(whole_piece(np.full(5, np.nan))[1]) == 0
