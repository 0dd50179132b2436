"""This file is the power path of many 150 kW DC chargers; it guards that each does what sim/physics/dc_station does."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from isolane.sim.physics.dc_station import MODULES, RATED_A, RATED_W
from isolane.sim.years.arrivals import Session
from isolane.sim.years.lanes import Lane

Floats = NDArray[np.float64]

GAIN_K_A2 = 1.0e-3
RECIRCULATION_K = 2.0
RUN_ON_K = 4.0
_RTH_K_W = 4.4e-3
_FLOW_SHARE_MIN = 0.025
_UNLOADED_GAIN = 0.1
_RAMP = math.exp(-1 / 4.0)
_SOC_FULL = 0.98
_POINTS = 11
SLOW = 4.0
"""Time constant of the contact's second body over that of the first."""


def loss_w(power_w: Floats, factors: tuple[Floats, Floats, Floats] | tuple[float, float, float]) -> Floats:
    """Give the loss of all modules at a total power, with a factor on each coefficient."""
    each = power_w / MODULES
    loss = 90 * factors[0] + 0.018 * factors[1] * each + 6e-7 * factors[2] * each * each
    return np.asarray(MODULES * loss * (power_w > 0))


def pwm_percent(load: Floats, rise_k: Floats) -> Floats:
    """Give the fans' PWM; `rise_k` is the heatsink's over the air."""
    regulated = np.minimum(np.maximum(35 + 45 * load + 3 * (rise_k - 28), 20.0), 100.0)
    run_on = 60.0 * (rise_k > RECIRCULATION_K + RUN_ON_K)
    return np.where(load > 0, regulated, run_on)


def turns_share(pwm: Floats, exponent: Floats | float, faults: Mapping[str, Floats]) -> Floats:
    """Give the fans' speed over rated speed."""
    turning = np.where(faults["fan_fail"] > 0.5, 0.0, 1 - faults["fan_wear"])  # noqa: PLR2004 - a flag as a float
    return np.asarray((pwm / 100) ** exponent * turning * (1 + _UNLOADED_GAIN * faults["clog"]))


def flow_share(turns: Floats, clog: Floats) -> Floats:
    """Give the air flow over rated flow; natural convection is left when the fans stand."""
    return np.maximum(turns * (1 - clog), _FLOW_SHARE_MIN)


def _derate(celsius: Floats, begin_c: float, end_c: float) -> Floats:
    return np.minimum(1.0, np.maximum(0.0, (end_c - celsius) / (end_c - begin_c)))


class DcBody:
    """See `lanes.Body`."""

    KINDS: Sequence[str] = ("conn_gain", "fan_fail", "fan_wear", "clog", "eff_drift", "phase_loss", "no_close")
    OUTPUTS: Sequence[str] = (
        "volt",
        "current",
        "plus_k",
        "plus_slow_k",
        "minus_k",
        "minus_slow_k",
        "sink_k",
        "limit",
        "pwm",
        "power",
    )

    def __init__(self, lanes: Sequence[Lane]) -> None:
        count = len(lanes)
        figures = [lane.structure for lane in lanes]
        taus = np.array([s.contact_tau_s for s in figures])
        self._keep = np.exp(-1 / taus)
        self._keep_slow = np.exp(-1 / (SLOW * taus))
        self._taus = taus
        self._slow = np.array([s.slow_share for s in figures])
        self._sink_tau = np.array([s.sink_tau_s for s in figures])
        self._keep_sink = np.exp(-1 / self._sink_tau)
        self._loss = np.array([s.loss for s in figures]).reshape(count, 3).T
        self._fan = np.array([s.fan_exponent for s in figures])
        self._even = bool(np.all(self._fan == 1))
        # Rises: fast and slow body of DC+ and DC-, then the heatsink over the inlet.
        self._plus, self._plus_slow, self._minus, self._minus_slow, self._sink = np.zeros((5, count))
        self._soc, self._battery, self._pack, self._peak = np.ones((4, count))
        self._left_wh, self._current, self._age = np.zeros((3, count))
        self._curve, self._slope = np.zeros((2, count, _POINTS))
        self._close, self._stop = np.zeros((2, count))
        self._abrupt = np.zeros(count, bool)
        self._gain_plus, self._gain_minus = np.zeros((2, count))
        self._base = np.arange(count) * _POINTS

    def begin(self, lane: int, session: Session, gap_s: float) -> None:
        """See `lanes.Body`."""
        fast = math.exp(-gap_s / self._taus[lane])
        slow = math.exp(-gap_s / (SLOW * self._taus[lane]))
        self._plus[lane] *= fast
        self._minus[lane] *= fast
        self._plus_slow[lane] *= slow
        self._minus_slow[lane] *= slow
        self._sink[lane] *= math.exp(-gap_s / self._sink_tau[lane])
        model = session.model
        self._soc[lane], self._battery[lane] = session.soc, model.battery_wh
        self._pack[lane], self._peak[lane] = model.pack_v, model.dc_power_w
        self._left_wh[lane], self._current[lane], self._age[lane] = session.energy_wh, 0.0, 0.0
        self._curve[lane] = model.dc_curve
        self._slope[lane, :-1] = np.diff(model.dc_curve)
        self._close[lane], self._stop[lane] = session.close_s, session.stop_s
        self._abrupt[lane] = session.abrupt
        heat = GAIN_K_A2 * session.inlet
        self._gain_plus[lane], self._gain_minus[lane] = heat * session.mating[0], heat * session.mating[1]

    def step(self, live: int, air_c: Floats, faults: Mapping[str, Floats]) -> Sequence[Floats]:
        """See `lanes.Body`."""
        n = slice(0, live)
        share = self._slow[n]
        plus = (1 - share) * self._plus[n] + share * self._plus_slow[n]
        minus = (1 - share) * self._minus[n] + share * self._minus_slow[n]
        limit = np.minimum(
            _derate(air_c + np.maximum(plus, minus), 80.0, 90.0),
            _derate(air_c + RECIRCULATION_K + self._sink[n], 75.0, 90.0),
        ) * (faults["phase_loss"] < 0.5)  # noqa: PLR2004 - a phase's number as a float
        volt, current = self._deliver(n, limit, faults["no_close"])
        power = volt * current
        self._heat(n, current, faults["conn_gain"])
        pwm = self._cool(n, power, faults)
        plus_slow, minus_slow = share * self._plus_slow[n], share * self._minus_slow[n]
        plus = (1 - share) * self._plus[n] + plus_slow
        minus = (1 - share) * self._minus[n] + minus_slow
        return volt, current, plus, plus_slow, minus, minus_slow, self._sink[n] + RECIRCULATION_K, limit, pwm, power

    def _deliver(self, n: slice, limit: Floats, no_close: Floats) -> tuple[Floats, Floats]:
        soc, age = self._soc[n], self._age[n]
        volt = self._pack[n] * (0.92 + 0.14 * soc)
        place = soc * (_POINTS - 1)
        low = np.minimum(place.astype(np.int64), _POINTS - 2)
        at = self._base[n] + low
        wish = self._peak[n] * (self._curve.ravel()[at] + self._slope.ravel()[at] * (place - low))
        done = (self._left_wh[n] <= 0) | (soc >= _SOC_FULL) | (age >= self._stop[n])
        target = np.minimum(np.minimum(wish, RATED_W * limit) / volt, RATED_A * limit) * ~done
        closed = (age >= self._close[n]) & ~(done & (self._abrupt[n] | (self._current[n] < 1.0)))
        closed &= no_close < 0.5  # noqa: PLR2004 - a flag as a float
        current = (target + (self._current[n] - target) * _RAMP) * closed
        volt = volt * closed
        taken = volt * current / 3600
        self._current[n] = current
        self._soc[n] = np.minimum(1.0, soc + taken / self._battery[n])
        self._left_wh[n] -= taken
        self._age[n] += 1
        return volt, current

    def _heat(self, n: slice, current: Floats, gain: Floats) -> None:
        square = current * current
        for target, fast, slow in (
            (square * self._gain_plus[n] * gain, self._plus, self._plus_slow),
            (square * self._gain_minus[n], self._minus, self._minus_slow),
        ):
            fast[n] = target + (fast[n] - target) * self._keep[n]
            slow[n] = target + (slow[n] - target) * self._keep_slow[n]

    def _cool(self, n: slice, power: Floats, faults: Mapping[str, Floats]) -> Floats:
        pwm = pwm_percent(power / RATED_W, self._sink[n] + RECIRCULATION_K)
        turns = turns_share(pwm, 1.0 if self._even else self._fan[n], faults)
        factors = (self._loss[0, n], self._loss[1, n], self._loss[2, n])
        heat = loss_w(power, factors) * faults["eff_drift"]
        target = heat * _RTH_K_W * flow_share(turns, faults["clog"]) ** -0.8
        self._sink[n] = target + (self._sink[n] - target) * self._keep_sink[n]
        return pwm
