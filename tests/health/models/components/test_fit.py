"""This file holds the least-squares fit: values, their errors under correlated noise, and wild rows."""

import numpy as np
import pytest

from isolane.health.models.components.fit import fit


def test_a_line_is_found_with_gaps_and_wild_rows() -> None:
    rng = np.random.default_rng(1)
    x = np.linspace(0, 10, 400)
    y = 2.0 * x + 3.0 + rng.normal(0, 0.1, 400)
    y[50:60], y[100:105] = np.nan, 500.0
    found = fit(np.column_stack((x, np.ones(400))), y)
    assert found is not None
    assert found.values == pytest.approx([2.0, 3.0], abs=0.03)
    assert found.n == 385
    assert found.residual_sd == pytest.approx(0.1, rel=0.15)


def test_errors_are_as_large_as_correlated_noise_makes_them() -> None:
    """The told standard deviation is that of repeated fits, within a third, for noise that remembers ten rows."""
    rng, slopes, told = np.random.default_rng(2), [], []
    x = np.linspace(0, 1, 600)
    for _ in range(200):
        noise = np.empty(600)
        noise[0] = rng.normal()
        for k in range(1, 600):
            noise[k] = 0.9 * noise[k - 1] + rng.normal(0, 0.19**0.5)
        found = fit(np.column_stack((x, np.ones(600))), x + noise)
        assert found is not None
        slopes.append(found.values[0])
        told.append(found.sds[0])
    assert np.median(told) == pytest.approx(np.std(slopes), rel=0.33)


@pytest.mark.parametrize("columns", [np.ones((50, 2)), np.column_stack((np.zeros(50), np.ones(50))), np.ones((2, 1))])
def test_what_cannot_be_told_apart_is_not_guessed(columns: np.ndarray) -> None:
    assert fit(columns, np.arange(len(columns), dtype=float)) is None
