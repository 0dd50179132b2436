"""This file fits straight lines to sensors; it guards that an error is told as large as correlated noise makes it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isolane.health.models.window import Floats

_WILD_MAD = 6.0
"""Residuals beyond so many robust standard deviations are left out, once; a normal one is beyond once in 5e8."""
_MAD_TO_SD = 1.4826
_CONDITION_MAX = 1e10
_CORRELATION_MAX = 0.999


@dataclass(frozen=True, slots=True)
class Fit:
    """A least-squares fit.

    Attributes:
        values: Coefficients, shape (k,).
        sds: Of each, in its unit; inflated by (1 + r) / (1 - r), r the residuals' correlation from row to row.
        residual_sd: Of the values about the fit, in their unit.
        n: Rows it rests on.
    """

    values: NDArray[np.float64]
    sds: NDArray[np.float64]
    residual_sd: float
    n: int


def fit(regressors: NDArray[np.float64], observed: Floats, floor: float = 0.0) -> Fit | None:
    """Fit observed = regressors @ values by least squares, wild rows left out.

    Args:
        regressors: Shape (n, k), finite.
        observed: Shape (n,), gaps as NaN: such rows are left out.
        floor: Least standard deviation to reckon with, in the observed unit: the step of a sensor.

    Returns:
        The fit; None with fewer than k + 2 rows, or where the regressors cannot be told apart.
    """
    there = np.isfinite(observed)
    rows, seen = regressors[there], observed[there]
    first = _solve(rows, seen, floor)
    if first is None:
        return None
    residual = seen - rows @ first.values
    spread = max(_MAD_TO_SD * float(np.median(np.abs(residual))), floor)
    tame = np.abs(residual) <= _WILD_MAD * spread
    return first if tame.all() else _solve(rows[tame], seen[tame], floor)


def _solve(rows: NDArray[np.float64], seen: Floats, floor: float) -> Fit | None:
    n, k = rows.shape
    if n < k + 2:
        return None
    scale = np.sqrt((rows * rows).mean(axis=0))
    if not (scale > 0).all():
        return None
    scaled = rows / scale
    normal = scaled.T @ scaled
    if np.linalg.cond(normal) > _CONDITION_MAX:
        return None
    inverse = np.linalg.inv(normal)
    values = inverse @ (scaled.T @ seen)
    residual = seen - scaled @ values
    power = float(residual @ residual)
    sd = max((power / (n - k)) ** 0.5, floor)
    bound = float(residual[1:] @ residual[:-1]) / power if power > 0 else 0.0
    bound = min(max(bound, 0.0), _CORRELATION_MAX)
    sds = sd * np.sqrt(np.diag(inverse) * (1 + bound) / (1 - bound))
    return Fit(values / scale, sds / scale, sd, n)
