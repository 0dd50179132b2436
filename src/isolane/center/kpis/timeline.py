"""This file says what a port was doing, second by second, as runs; it guards that a held or missing value is no value.

A day is a grid of 86,400 seconds. Each of the signals that matter is a track on it; where all tracks stay as they are
is one run. Runs are what is stored of a day, so that every figure can be computed again without the samples.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from isolane.center.kpis.spans import Spans, normal
from isolane.core.states import AVAILABILITY

DAY_S: Final = 86_400
DAY_MS: Final = DAY_S * 1000
UNKNOWN: Final = -1
"""A track's value where it has none."""
FLOW_W_MIN: Final = 100.0
"""From this power on energy flows to a vehicle; below it is what a meter shows at rest."""

_DOWN = frozenset({AVAILABILITY.index("Faulted"), AVAILABILITY.index("Unavailable")})
_FAULTED = AVAILABILITY.index("Faulted")
_PLUGGED = frozenset(
    AVAILABILITY.index(name)
    for name in ("Preparing", "Charging", "Finishing", "SuspendedEV", "SuspendedEVSE", "Occupied")
)
_CHARGING = AVAILABILITY.index("Charging")

I8 = NDArray[np.int8]
F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Run:
    """A time in which nothing changed; -1 is "nobody knows".

    Attributes:
        from_ms: Begin.
        to_ms: First instant after.
        link: 1 while the charger was connected to its CSMS, 0 while it was not.
        state: Number of the port's state, `core.states`.
        station: Number of the station's own state.
        transaction: 1 while a transaction ran.
        flow: 1 while at least 100 W flowed.
        energy_wh: What flowed, where the power was known.
    """

    from_ms: int
    to_ms: int
    link: int
    state: int
    station: int
    transaction: int
    flow: int
    energy_wh: float

    @property
    def condition(self) -> str:
        """Name what the rule wants to know: "up", "down", "offline" or "unknown"."""
        if self.link == 0:
            return "offline"
        if self.state in _DOWN or self.station in _DOWN:
            return "down"
        return "up" if self.link == 1 and self.state != UNKNOWN else "unknown"

    @property
    def faulted(self) -> bool:
        """Whether the port or its station said that it is faulted."""
        return self.link != 0 and _FAULTED in (self.state, self.station)

    @property
    def plugged(self) -> bool:
        """Whether a vehicle was there."""
        return self.state in _PLUGGED or self.transaction == 1

    @property
    def blind(self) -> bool:
        """Whether nobody knows if a vehicle was there."""
        return self.state == UNKNOWN and self.transaction != 1

    @property
    def flowing(self) -> bool:
        """Whether energy flowed; where no power is known, whether the state says so."""
        return self.flow == 1 or (self.flow == UNKNOWN and self.state == _CHARGING)


@dataclass(frozen=True, slots=True)
class Tracks:
    """A day of a port on the grid, arrays of shape (86400,); -1, or NaN for the power, where nobody knows."""

    link: I8
    state: I8
    station: I8
    transaction: I8
    power_w: F64


def runs_of(begin_ms: int, tracks: Tracks) -> list[Run]:
    """Cut a day into runs that follow each other without a hole.

    Args:
        begin_ms: Its first instant.
        tracks: What is known.
    """
    power = tracks.power_w
    flow = np.where(np.isnan(power), UNKNOWN, power >= FLOW_W_MIN).astype(np.int8)
    rows = np.stack([tracks.link, tracks.state, tracks.station, tracks.transaction, flow])
    edges = np.concatenate([[0], np.flatnonzero((rows[:, 1:] != rows[:, :-1]).any(axis=0)) + 1])
    energy_wh = np.add.reduceat(np.nan_to_num(power), edges) / 3600
    values: list[tuple[int, int, int, int, int]] = rows[:, edges].T.tolist()
    begins = (begin_ms + edges * 1000).tolist()
    ends = [*begins[1:], begin_ms + rows.shape[1] * 1000]
    return [
        Run(begin, end, value[0], value[1], value[2], value[3], value[4], round(wh, 3))
        for begin, end, value, wh in zip(begins, ends, values, energy_wh.tolist(), strict=True)
    ]


def nothing_known(begin_ms: int, end_ms: int) -> Run:
    """Give the run of a time of which nothing is known."""
    return Run(begin_ms, end_ms, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, 0.0)


def when(runs: Iterable[Run], condition: str) -> Spans:
    """Give the times of a condition."""
    return normal((run.from_ms, run.to_ms) for run in runs if run.condition == condition)


def without_holes(runs: Sequence[Run], begin_ms: int, end_ms: int) -> list[Run]:
    """Fill what is missing between runs and at both ends with runs of which nothing is known."""
    out: list[Run] = []
    at = begin_ms
    for run in runs:
        if run.from_ms > at:
            out.append(nothing_known(at, run.from_ms))
        out.append(run)
        at = run.to_ms
    return [*out, nothing_known(at, end_ms)] if at < end_ms else out
