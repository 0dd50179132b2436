"""This file is the law by which a contactor's contacts wear; it guards that a break under load costs what makers say.

    wear per operation = 1 / N_mech + 1 / (N_e K(I_e / I_break))

K, life at a fraction of the rated current over life at rated current, is interpolated in logarithms over the table of
Microelettrica Scientifica's N series (tables 4 and 5: K for I_em / I_e). Below the table it goes on with the power law
that fits it, K = r^1.40. Beyond rated current life falls faster: that table's AC-4 duty breaks six times the current
(assumed: a locked rotor's) at a hundredth of the life, an exponent of 2.57.

Source: docs/reference/models/contactor.md.
"""

import math

import numpy as np

RATIOS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0)
"""Rated over broken current."""
MULTIPLIERS = (1.0, 1.7, 2.5, 3.5, 4.5, 7.0, 10.0)
"""Life over life at rated current."""
INCHING_EXPONENT = math.log(100.0) / math.log(6.0)
_LEAST_SHARE = 1e-3
"""Of the rated current: less wears no contact."""


def power_law() -> tuple[float, float]:
    """Fit K = r^m through (1, 1) by least squares of the logarithms; give m and the largest relative error of it."""
    x, y = np.log(RATIOS), np.log(MULTIPLIERS)
    m = float(x @ y / (x @ x))
    return m, float(np.max(np.abs(np.exp(m * x) / np.exp(y) - 1)))


_EXPONENT = power_law()[0]


def multiplier(ratio: float) -> float:
    """Give life at a current over life at rated current.

    Args:
        ratio: Rated over broken current, above 0.
    """
    if ratio < RATIOS[0]:
        return float(ratio**INCHING_EXPONENT)
    if ratio > RATIOS[-1]:
        return float(MULTIPLIERS[-1] * (ratio / RATIOS[-1]) ** _EXPONENT)
    return float(np.exp(np.interp(math.log(ratio), np.log(RATIOS), np.log(MULTIPLIERS))))


def break_wear(current_a: float, rated_a: float, operations: float) -> float:
    """Give the share of electrical life that one break takes, 0 or more.

    Args:
        current_a: What is broken, A; its sign does not matter.
        rated_a: Current that `operations` is for, A.
        operations: Electrical life at it.
    """
    share = abs(current_a) / rated_a
    return 0.0 if share < _LEAST_SHARE else 1.0 / (operations * multiplier(1.0 / share))
