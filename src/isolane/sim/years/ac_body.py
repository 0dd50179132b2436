"""This file is the power path of many 22 kW AC chargers; it guards that each does what sim/physics/ac_station does."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from isolane.sim.physics.ac_station import RATED_A
from isolane.sim.years.arrivals import Session
from isolane.sim.years.lanes import Lane

Floats = NDArray[np.float64]

GAIN_K_A2 = 2.44e-2
SLOW = 4.0
"""Time constant of the contact's second body over that of the first."""
_RAMP = math.exp(-1 / 3.0)
_SUPPLY_V, _SUPPLY_OHM = 230.0, 0.20
_SOC_FULL, _TAPER = 0.98, 0.05


class AcBody:
    """See `lanes.Body`. The battery sees 230 V less the drop: the supply's slow wander is only in what is shown."""

    KINDS: Sequence[str] = ("conn_gain", "phase_loss", "no_close")
    OUTPUTS: Sequence[str] = (
        "l1_a",
        "l2_a",
        "l3_a",
        "current",
        "contact_k",
        "contact_slow_k",
        "limit",
        "closed",
        "power",
    )

    def __init__(self, lanes: Sequence[Lane]) -> None:
        count = len(lanes)
        self._taus = np.array([lane.structure.contact_tau_s for lane in lanes])
        self._keep = np.exp(-1 / self._taus)
        self._keep_slow = np.exp(-1 / (SLOW * self._taus))
        self._share = np.array([lane.structure.slow_share for lane in lanes])
        self._fast, self._slow = np.zeros((2, count))
        self._soc, self._battery = np.ones((2, count))
        self._left_wh, self._age, self._gain, self._close, self._stop = np.zeros((5, count))
        self._wish_a, self._phase_a = np.zeros((3, count)), np.zeros((3, count))
        self._abrupt = np.zeros(count, bool)

    def begin(self, lane: int, session: Session, gap_s: float) -> None:
        """See `lanes.Body`."""
        self._fast[lane] *= math.exp(-gap_s / self._taus[lane])
        self._slow[lane] *= math.exp(-gap_s / (SLOW * self._taus[lane]))
        model = session.model
        self._soc[lane], self._battery[lane] = session.soc, model.battery_wh
        self._left_wh[lane], self._age[lane] = session.energy_wh, 0.0
        self._close[lane], self._stop[lane], self._abrupt[lane] = session.close_s, session.stop_s, session.abrupt
        self._gain[lane] = GAIN_K_A2 * session.inlet * session.mating[0]
        self._phase_a[:, lane] = 0.0
        self._wish_a[:, lane] = model.ac_current_a if model.ac_phases > 1 else (model.ac_current_a, 0.0, 0.0)

    def step(self, live: int, air_c: Floats, faults: Mapping[str, Floats]) -> Sequence[Floats]:
        """See `lanes.Body`."""
        n = slice(0, live)
        share = self._share[n]
        celsius = air_c + (1 - share) * self._fast[n] + share * self._slow[n]
        limit = np.minimum(1.0, np.maximum(0.0, (90.0 - celsius) / 10.0))
        phases, closed, power = self._deliver(n, limit, faults)
        current = phases.max(axis=0)
        target = self._gain[n] * faults["conn_gain"] * current * current
        self._fast[n] = target + (self._fast[n] - target) * self._keep[n]
        self._slow[n] = target + (self._slow[n] - target) * self._keep_slow[n]
        slow = share * self._slow[n]
        contact = (1 - share) * self._fast[n] + slow
        return phases[0], phases[1], phases[2], current, contact, slow, limit, closed.astype(np.float64), power

    def _deliver(
        self, n: slice, limit: Floats, faults: Mapping[str, Floats]
    ) -> tuple[Floats, NDArray[np.bool_], Floats]:
        soc, age = self._soc[n], self._age[n]
        done = (self._left_wh[n] <= 0) | (soc >= _SOC_FULL) | (age >= self._stop[n])
        flowing = self._phase_a[:, n].max(axis=0) >= 1.0
        closed = (age >= self._close[n]) & ~(done & (self._abrupt[n] | ~flowing))
        closed &= faults["no_close"] < 0.5  # noqa: PLR2004 - a flag as a float
        taper = np.minimum(1.0, np.maximum(0.0, (1 - soc) / _TAPER)) * ~done
        target = np.minimum(self._wish_a[:, n] * taper, RATED_A * limit)
        here = closed & (np.rint(faults["phase_loss"]) != _PHASES)
        phases = (target + (self._phase_a[:, n] - target) * _RAMP) * here
        power = (phases * (_SUPPLY_V - _SUPPLY_OHM * phases)).sum(axis=0)
        self._phase_a[:, n] = phases
        self._soc[n] = np.minimum(1.0, soc + power / 3600 / self._battery[n])
        self._left_wh[n] -= power / 3600
        self._age[n] += 1
        return phases, closed, power


_PHASES = np.array([[1.0], [2.0], [3.0]])
