"""This file tests the gate before anything is said about the future."""

import math

import numpy as np
import pytest

from isolane.health.models.prognosis import foretell, trend

Days = list[tuple[int, float, int]]


def _days(rate: float, days: int, noise: float = 0.0, seed: int = 1) -> Days:
    rng = np.random.default_rng(seed)
    return [(day, rate * day + float(rng.normal(0, noise)) if noise else rate * day, 10) for day in range(days)]


def test_a_line_is_found_with_its_error() -> None:
    line = trend(_days(0.01, 100, 0.05))
    assert line.rate == pytest.approx(0.01, abs=4 * line.error)
    assert 0 < line.error < 0.001


def test_autocorrelation_widens_the_error() -> None:
    rng = np.random.default_rng(3)
    walk, values = 0.0, []
    for _ in range(200):
        walk = 0.9 * walk + float(rng.normal(0, 0.1))
        values.append(walk)
    slow = trend([(day, value, 1) for day, value in enumerate(values)])
    mixed = trend([(day, values[int(at)], 1) for day, at in enumerate(rng.permutation(200))])
    assert slow.error > 2 * mixed.error


@pytest.mark.parametrize(
    ("days", "now", "reason"),
    [
        (_days(0.01, 5), 0.05, "5 days of evidence"),
        (_days(0.002, 100), 0.2, "insufficient degradation evidence (20% of the way"),
        (_days(0.0001, 100, 0.5), 0.4, "not significant"),
        (
            [(day, value * (1 if day < 80 else 2.2), 1) for day, value, _ in _days(0.01, 100, 0.1)],
            0.6,
            "did not foretell",
        ),
    ],
)
def test_without_evidence_nothing_is_said(days: Days, now: float, reason: str) -> None:
    prognosis, why = foretell(days, 0.0, (now, 0.01), 1.0, modelled=False)
    assert prognosis is None
    assert reason in why


def test_with_evidence_it_is_a_probability_with_its_interval() -> None:
    prognosis, why = foretell(_days(0.008, 100, 0.02), 0.0, (0.8, 0.02), 1.0, modelled=False)
    assert not why
    assert prognosis is not None
    assert prognosis.days == pytest.approx(25, rel=0.1)
    assert prognosis.days_low < prognosis.days < prognosis.days_high < 40
    assert prognosis.fail_30d > 0.9 <= prognosis.fail_90d


def test_a_way_that_goes_down_is_as_good_as_one_that_goes_up() -> None:
    up = foretell(_days(0.008, 100, 0.02), 0.0, (0.8, 0.02), 1.0, modelled=False)
    mirrored = [(day, -value, n) for day, value, n in _days(0.008, 100, 0.02)]
    down = foretell(mirrored, 0.0, (-0.8, 0.02), -1.0, modelled=False)
    assert up == down


def test_what_heals_has_no_end() -> None:
    prognosis, why = foretell(_days(-0.001, 100), 0.0, (0.3, 0.01), 1.0, modelled=False)
    assert prognosis is None
    assert "not significant" in why


def test_an_end_that_may_never_come_is_infinite() -> None:
    prognosis, _ = foretell(_days(0.004, 400, 0.2, seed=5), 0.0, (0.5, 0.2), 3.0, modelled=True)
    assert prognosis is None or math.isinf(prognosis.days_high) or prognosis.days_high > prognosis.days
