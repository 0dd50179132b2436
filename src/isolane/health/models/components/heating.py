"""This file is the law by which a contact warms; it guards that heating is judged by what the current was before.

    tau d(dT)/dt = -dT + G I^2 (1 + alpha (T - 20))        dT = T - T_reference, K

G is contact resistance times thermal resistance, K/A2: the steady rise at one ampere. The right side, filtered with
tau, is the regressor x; by least squares dT = G x + c, where c takes up what the two sensors differ by. A regression
of dT on its own past (ARX) is biased by quantised sensors; this one is not.

Source: docs/reference/models/connector.md.
"""

import numpy as np
from numpy.typing import NDArray

from isolane.health.models.components.fit import Fit, fit
from isolane.health.models.window import Floats

_BLOCK_ROWS = 1024
_GAP_S = 10
_STEP_K = 0.15
"""A step of 0.5 K has a standard deviation of 0.14 K."""


def filtered(drive: Floats, tau_s: float, start: float = 0.0) -> Floats:
    """Give x[k] = a x[k-1] + (1 - a) drive[k-1], a = exp(-1 / tau), x[0] = start.

    Args:
        drive: Shape (n,), no gaps, 1 Hz.
        tau_s: Time constant, s, 50 or more.
        start: First value.

    Returns:
        Shape (n,), in the drive's unit.
    """
    keep = np.exp(-1.0 / tau_s)
    out = np.empty(len(drive))
    value = start
    for first in range(0, len(drive), _BLOCK_ROWS):
        block = drive[first : first + _BLOCK_ROWS]
        powers = keep ** np.arange(len(block) + 1)
        sums = np.concatenate(([0.0], np.cumsum(block / powers[1:])))
        whole = powers * (value + (1 - keep) * sums)
        out[first : first + len(block)] = whole[:-1]
        value = float(whole[-1])
    return out


def whole_piece(current_a: Floats) -> tuple[int, Floats]:
    """Give the longest piece without a gap of more than ten seconds: its first row, and its current with gaps closed.

    Args:
        current_a: Shape (n,), gaps as NaN.

    Returns:
        (first row, current). Shorter gaps are interpolated.
    """
    there = np.flatnonzero(np.isfinite(current_a))
    if not len(there):
        return 0, np.empty(0)
    breaks = np.flatnonzero(np.diff(there) > _GAP_S)
    firsts = there[np.concatenate(([0], breaks + 1))]
    lasts = there[np.concatenate((breaks, [len(there) - 1]))]
    best = int(np.argmax(lasts - firsts))
    rows = np.arange(firsts[best], lasts[best] + 1)
    return int(firsts[best]), np.interp(rows, there, current_a[there])


def regressors(drive: Floats, tau_s: float, *, known: bool) -> NDArray[np.float64]:
    """Give the columns x, 1 and, where the state before the first row is not known, a^k.

    Args:
        drive: What warms, shape (n,), no gaps.
        tau_s: Time constant, s.
        known: Whether nothing had flowed for long before the first row.
    """
    columns = [filtered(drive, tau_s), np.ones(len(drive))]
    if not known:
        columns.append(np.exp(-np.arange(len(drive)) / tau_s))
    return np.column_stack(columns)


def heating(columns: NDArray[np.float64], rise_k: Floats) -> Fit | None:
    """Fit the rise; the first coefficient is G in K/A2, the second the offset in K.

    Args:
        columns: Of `regressors`.
        rise_k: Shape (n,), gaps as NaN.
    """
    return fit(columns, rise_k, _STEP_K)
