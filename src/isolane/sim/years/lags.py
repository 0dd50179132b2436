"""This file filters whole arrays through first-order lags; it guards that the result is the recursion's, not about it.

y[k] = a y[k-1] + (1 - a) u[k]. Blocks of `_BLOCK` values go through one triangular matrix, and the value at the end of
a block is carried into the next: a day at 1 Hz costs 86400 / 256 steps in Python.
"""

import functools
import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_BLOCK = 256


@functools.lru_cache(maxsize=64)
def _matrix(keep: float) -> tuple[Floats, Floats]:
    steps = np.arange(_BLOCK)
    power = steps[:, None] - steps[None, :]
    weights = np.where(power >= 0, (1 - keep) * keep ** np.maximum(power, 0), 0.0)
    return weights.T.copy(), np.asarray(keep ** (steps + 1.0), dtype=np.float64)


def lag(targets: Floats, tau_s: float, dt_s: float, start: float) -> Floats:
    """Follow targets that are each constant over a step.

    Args:
        targets: Shape (n,), one per step.
        tau_s: Time constant, s, over 0.
        dt_s: Step, s.
        start: Value before the first step.

    Returns:
        Values at the end of each step, shape (n,).
    """
    weights, fading = _matrix(math.exp(-dt_s / tau_s))
    count = len(targets)
    whole = -(-count // _BLOCK)
    padded = np.zeros(whole * _BLOCK)
    padded[:count] = targets
    forced = padded.reshape(whole, _BLOCK) @ weights
    carried = np.empty(whole)
    value = start
    for block in range(whole):
        carried[block] = value
        value = forced[block, -1] + value * fading[-1]
    return np.asarray((forced + carried[:, None] * fading[None, :]).ravel()[:count])


def wander(rng: np.random.Generator, count: int, sd: float, tau_s: float, *, dt_s: float, start: float) -> Floats:
    """Give an Ornstein-Uhlenbeck process around 0.

    Args:
        rng: Where its numbers come from.
        count: How many steps.
        sd: Standard deviation in the long run.
        tau_s: Time constant, s, over 0.
        dt_s: Step, s.
        start: Value before the first step.
    """
    keep = math.exp(-dt_s / tau_s)
    scale = sd * math.sqrt(1 - keep * keep) / (1 - keep)
    return lag(rng.standard_normal(count) * scale, tau_s, dt_s, start)
