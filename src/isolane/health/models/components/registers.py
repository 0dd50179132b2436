"""This file reads energy off registers; it guards that a wild sample or a coarse step is no energy.

A sample that leaves its neighbours by more than the outlet can deliver in that time, and whose successor is back, is
left out. What a register resolves is the least step that it makes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isolane.health.models.window import Floats

_BURST = 1.5
_WH_PER_WS = 1 / 3600
_SLACK_WH = 2.0
_GAP_S = 10
_STEP_WH_MAX = 1000.0
"""No register is coarser: without energy, a wild sample would be its only step."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A register over some rows.

    Attributes:
        rows: Those that can be believed, ascending.
        wh: The register there.
        step_wh: Its resolution, Wh; 0 for an integrated power.
        whole: Whether it never falls nor jumps.
    """

    rows: NDArray[np.intp]
    wh: Floats
    step_wh: float
    whole: bool

    def at(self, row: int) -> float:
        """Give the register at a row between the first and the last believed."""
        return float(np.interp(row, self.rows, self.wh))


def read_register(values: Floats, power_w_max: float) -> Reading | None:
    """Read a register.

    Args:
        values: Wh, shape (n,), 1 Hz, gaps as NaN.
        power_w_max: What the outlet delivers at most, W.

    Returns:
        None without two samples that can be believed.
    """
    rows = np.flatnonzero(np.isfinite(values))
    if len(rows) < 2:  # noqa: PLR2004 - two ends
        return None
    wh = values[rows]
    wild = _leaps(rows, wh, power_w_max, _least_step(wh))
    # A leap to a sample and a leap away from it: the sample is wild. The first and last have one side only.
    lonely = np.concatenate((wild[:1], wild[:-1] & wild[1:], wild[-1:]))
    rows, wh = rows[~lonely], wh[~lonely]
    if len(rows) < 2:  # noqa: PLR2004 - two ends
        return None
    step_wh = _least_step(wh)
    return Reading(rows, wh, step_wh, whole=not _leaps(rows, wh, power_w_max, step_wh).any())


def read_power(values: Floats) -> Reading | None:
    """Integrate a power, gaps of up to ten seconds closed; None with longer ones.

    Args:
        values: W, shape (n,), 1 Hz, gaps as NaN.
    """
    rows = np.flatnonzero(np.isfinite(values))
    if len(rows) < 2 or np.diff(rows).max() > _GAP_S + 1:  # noqa: PLR2004 - two ends
        return None
    closed = np.interp(np.arange(rows[0], rows[-1] + 1), rows, values[rows])
    sums = np.concatenate(([0.0], np.cumsum((closed[1:] + closed[:-1]) / 2))) * _WH_PER_WS
    return Reading(np.arange(rows[0], rows[-1] + 1), sums, 0.0, whole=True)


def _least_step(wh: Floats) -> float:
    """Give the least positive step of a register, Wh; 0 if it makes none."""
    steps = np.diff(wh)
    steps = steps[steps > 0]
    return float(steps.min()) if len(steps) else 0.0


def _leaps(rows: NDArray[np.intp], wh: Floats, power_w_max: float, step_wh: float) -> NDArray[np.bool_]:
    """Tell which steps from sample to sample are none of energy."""
    possible = _BURST * power_w_max * _WH_PER_WS * np.diff(rows) + min(step_wh, _STEP_WH_MAX) + _SLACK_WH
    steps = np.diff(wh)
    return np.asarray((steps < -_SLACK_WH) | (steps > possible))
