"""This file holds the laws of the cooling air, and a score by them on a real rig's cooler."""

import gzip

import numpy as np
import pytest
from numpy.typing import NDArray

from isolane.health.models.components.airflow import air_per_turn, heat_path, loss_w
from isolane.health.models.score import state_of_health
from support.measured import DATA, needs_data

_DEFAULT = (90.0, 0.018, 6e-7)


def test_loss_of_a_30_kw_module() -> None:
    """90 + 0.018 P + 6e-7 P^2: 96.2 % at 30 kW."""
    loss = loss_w(np.array([0.0, 30_000.0]), 1, _DEFAULT)
    assert loss == pytest.approx([0.0, 1170.0])
    assert 30_000 / (30_000 + loss[1]) == pytest.approx(0.962, abs=5e-4)


@pytest.mark.parametrize("offset_k", [-6.0, 0.0, 6.0])
def test_air_per_turn_is_free_of_offsets(offset_k: float) -> None:
    rng = np.random.default_rng(1)
    power = np.linspace(140_000, 50_000, 1500)
    loss, speed = loss_w(power, 5, _DEFAULT), 5000 + power / 40
    flow = 0.4 * speed / 9000 * 0.7
    warmed = np.round((loss / (1206 * flow) + offset_k + rng.normal(0, 0.3, 1500)) * 2) / 2
    found = air_per_turn(loss, speed, warmed)
    assert found is not None
    assert found[0] == pytest.approx(0.7 * 0.4 * 60 / 9000, rel=0.02)
    assert found[1] < 0.02 * found[0]


def test_the_heat_path_does_not_see_the_filter() -> None:
    """Half of the air gives the same resistance at 1 m3/s; a heatsink that is 30 % worse gives 30 % more."""
    power = np.concatenate((np.full(900, 140_000.0), np.linspace(140_000, 50_000, 900)))
    loss = loss_w(power, 5, _DEFAULT)
    found = []
    for flow, worse in ((0.4, 1.0), (0.2, 1.0), (0.4, 1.3)):
        rise, value = np.empty(1800), 0.0
        for k in range(1800):
            rise[k] = value
            value += (2.1e-3 * worse * loss[k] * flow**-0.8 - value) * (1 - np.exp(-1 / 180))
        fitted = heat_path(loss, np.full(1800, flow), rise + 2.0, 180.0, known=True)
        assert fitted is not None
        found.append(float(fitted.values[0]))
    assert found == pytest.approx([2.1e-3, 2.1e-3, 2.73e-3], rel=1e-3)


def _auc(worse: NDArray[np.float64], better: NDArray[np.float64]) -> float:
    """Give the probability that a cycle of the worse cooler shows more."""
    order = np.sort(better)
    below = np.searchsorted(order, worse, "left") + np.searchsorted(order, worse, "right")
    return float(below.mean() / 2 / len(order))


@needs_data
def test_a_real_cooler_is_scored_in_order() -> None:
    """ZeMA hydraulic rig, 2,205 cycles at equal heat: temperature TS4 by the cooler's condition (3, 20, 100 %)."""
    with gzip.open(DATA / "hydraulic" / "TS4.txt.gz", "rt") as lines:
        mean_c = np.array([np.fromstring(line, sep="\t").mean() for line in lines])
    state = np.loadtxt(DATA / "hydraulic" / "profile.txt", usecols=0)
    assert len(mean_c) == len(state) == 2205
    fails, weak, full = (mean_c[state == level] for level in (3, 20, 100))
    assert _auc(fails, weak) == pytest.approx(0.985, abs=0.001)
    assert _auc(weak, full) == pytest.approx(1.0, abs=0.0005)
    new_c, end_c = float(np.median(full)), float(np.median(fails))
    scores = [np.median([state_of_health(c, new_c, end_c) for c in each.tolist()]) for each in (full, weak, fails)]
    assert scores[0] == 100
    assert scores[0] > scores[1] + 10
    assert scores[1] > scores[2] + 5
