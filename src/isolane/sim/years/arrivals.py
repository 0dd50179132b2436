"""This file draws who comes when; it guards that hours, weekdays, stays, energies and their ties are the measured ones.

From the 1,878 sessions of DESL-EPFL's level-3 EV charging dataset (MIT licence, file Session_data.xlsx, April 2022 to
July 2023): arrivals by hour and weekday, and rank correlations to 2 decimals. The quantiles of stay, energy and state
of charge are those of `sim.physics.visits`, the cars those of `sim.physics.vehicles` (open-ev-data, MIT licence).
Nobody comes between 03:00 and 04:30, when a day of the plan begins: so days can be reckoned side by side.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from isolane.sim.physics.vehicles import MODELS, Model
from isolane.sim.physics.visits import ENERGY_WH, SOC_ARRIVAL, STAY_MIN, quantile
from isolane.sim.years.plan import Scatter

HOURS = (12, 16, 7, 5, 4, 13, 30, 35, 65, 105, 99, 141, 133, 124, 128, 153, 145, 149, 156, 114, 79, 90, 48, 27)
"""Arrivals by hour of the day."""
WEEKDAYS = (232, 296, 274, 275, 307, 262, 232)
"""Arrivals by weekday, Monday first."""
RANKS = ((1.0, 0.66, -0.09, -0.03), (0.66, 1.0, -0.40, 0.63), (-0.09, -0.40, 1.0, -0.38), (-0.03, 0.63, -0.38, 1.0))
"""Spearman's correlations of stay, energy, state of charge on arrival, greatest power."""

OPEN_S = 22 * 3600 + 1800
"""Seconds of a plan's day, from 04:30, in which cars may stand there."""
DAY_BEGINS_H = 4.5
GAP_S = 120
_CARS = 400
"""Cars that come again and again; each has its own inlet."""
NEVER_S = 1 << 30
"""A contactor that is never told to close."""
_SOC_FULL = 0.98
_HOT_BREAKS = 0.003
"""Share of sessions that end under load."""
_SLAC_FAILS = 0.01
_AC_IDLE_S = 10_800

_PHI = NormalDist().cdf
_MIX = np.linalg.cholesky(2 * np.sin(np.pi / 6 * np.array(RANKS)))


@dataclass(frozen=True, slots=True)
class Session:
    """One car's stay.

    Attributes:
        begin_s: Plugged in, seconds of the plan's day.
        stay_s: Until unplugged.
        close_s: Seconds after plugging in at which the contactor is told to close; beyond the stay is never.
        stop_s: Seconds after plugging in at which the car stops charging in any case.
        model: Its group.
        car: Which of the cars that come again.
        soc: On arrival, 0 to 1.
        energy_wh: After how much it stops.
        inlet: Factor of its inlet on the contact's heating.
        mating: Factors of this plugging-in on the two contacts.
        abrupt: Whether the contactor opens under load.
        attenuation_db: Of its SLAC, beyond the charger's usual one.
        slac_luck: Uniform draw that says whether SLAC fails.
        meter_luck: Normal draw for the scatter of this session's control metering.
        insulation_ohm: The car's own.
    """

    begin_s: int
    stay_s: int
    close_s: int
    stop_s: int
    model: Model
    car: int
    soc: float
    energy_wh: float
    inlet: float = 1.0
    mating: tuple[float, float] = (1.0, 1.0)
    abrupt: bool = False
    attenuation_db: float = 0.0
    slac_luck: float = 1.0
    meter_luck: float = 0.0
    insulation_ohm: float = math.inf

    def slac_fails(self, share: float, excess_db: float) -> bool:
        """Tell whether SLAC fails, given a fault's share of failures and its attenuation."""
        worn = 1 / (1 + math.exp(-(self.attenuation_db + excess_db - 16) / 1.5))
        return self.slac_luck < _SLAC_FAILS + share + worn


def draw_day(rng: np.random.Generator, kind: str, mean: float, weekday: int, scatter: Scatter) -> tuple[Session, ...]:
    """Draw a day's sessions of one charger, in order, without overlap.

    Args:
        rng: Where its numbers come from.
        kind: ``dc150`` or ``ac22``.
        mean: Sessions per day.
        weekday: 0 is Monday.
        scatter: Of contacts and cars.
    """
    expected = mean * WEEKDAYS[weekday] * 7 / sum(WEEKDAYS)
    low, high = (4, 12) if kind == "dc150" else (0, 4)
    count = int(np.clip(rng.poisson(expected), low, high))
    sessions: list[Session] = []
    free_s = 0
    for arrival_s in np.sort(_arrivals(rng, count)):
        session = _draw(rng, kind, max(int(arrival_s), free_s), scatter)
        if session.begin_s + session.stay_s > OPEN_S:
            continue
        sessions.append(session)
        free_s = session.begin_s + session.stay_s + GAP_S
    return tuple(sessions)


def _arrivals(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    weights = np.array(HOURS, dtype=np.float64)
    weights[3] = 0.0
    hour = rng.choice(24, size=count, p=weights / weights.sum()) + rng.random(count)
    return np.asarray((hour - DAY_BEGINS_H) % 24 * 3600)


def _draw(rng: np.random.Generator, kind: str, begin_s: int, scatter: Scatter) -> Session:
    stay_u, energy_u, soc_u, power_u = (_PHI(z) for z in _MIX @ rng.standard_normal(4))
    soc = quantile(SOC_ARRIVAL, soc_u)
    model = _model(power_u)
    room_wh = max((_SOC_FULL - soc) * model.battery_wh, 300.0)
    energy_wh = min(quantile(ENERGY_WH, energy_u), room_wh)
    close_s = int(rng.integers(18, 45)) if kind == "dc150" else int(rng.integers(3, 12))
    if kind == "dc150":
        stay_s = int(quantile(STAY_MIN, stay_u) * 60)
    else:
        power_w = 230 * model.ac_current_a * model.ac_phases
        stay_s = int(min(energy_wh / power_w * 3600 + 300 + rng.uniform(0, _AC_IDLE_S), 12 * 3600))
    car = int(rng.integers(_CARS))
    habits = np.random.default_rng((car, 77))
    return Session(
        begin_s=begin_s,
        stay_s=stay_s,
        close_s=close_s,
        stop_s=stay_s - 25,
        model=model,
        car=car,
        soc=soc,
        energy_wh=energy_wh,
        inlet=math.exp(scatter.inlet * habits.standard_normal()),
        mating=(math.exp(scatter.mating * rng.standard_normal()), math.exp(scatter.mating * rng.standard_normal())),
        abrupt=bool(rng.random() < _HOT_BREAKS),
        attenuation_db=float(rng.normal(0, 1.5)),
        slac_luck=float(rng.random()),
        meter_luck=float(rng.standard_normal()),
        insulation_ohm=15e6 * math.exp(0.5 * habits.standard_normal()) if scatter.insulation else math.inf,
    )


def _model(level: float) -> Model:
    """Give the group at a level of greatest power, 0 to 1."""
    count = level * sum(model.cars for model in MODELS)
    for model in MODELS[:-1]:
        count -= model.cars
        if count < 0:
            return model
    return MODELS[-1]
