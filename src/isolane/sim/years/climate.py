"""This file is what all chargers of a site share: weather and supply; it guards that one site has one weather.

The weather lies on a grid of 60 s for the whole plan, supply voltage and frequency on grids made day by day.
"""

import numpy as np
from numpy.typing import NDArray

from isolane.sim.years.arrivals import DAY_BEGINS_H
from isolane.sim.years.faults import DAY_S
from isolane.sim.years.lags import wander
from isolane.sim.years.plan import Plan

Floats = NDArray[np.float64]

GRID_S = 60
PER_DAY = DAY_S // GRID_S
_SPELL_S = 2 * 86_400.0
_YEAR_S = 365.25 * 86_400.0
_JULY_S = 197 * 86_400.0
_MAGNUS_A, _MAGNUS_B = 17.625, 243.04
"""Magnus coefficients as in sim/physics/surroundings."""
SUPPLY_S = 10
_SUPPLY_PER_DAY = DAY_S // SUPPLY_S


def vapour_g_m3(celsius: Floats, humidity_rh: Floats | float) -> Floats:
    """Give the absolute humidity of air, g/m3."""
    pressure_hpa = 6.1094 * np.exp(_MAGNUS_A * celsius / (_MAGNUS_B + celsius)) * humidity_rh / 100
    return np.asarray(216.7 * pressure_hpa / (celsius + 273.15))


def humidity_rh(celsius: Floats, vapour: Floats) -> Floats:
    """Give the relative humidity, percent, at most 100."""
    return np.minimum(100.0, 100.0 * vapour / vapour_g_m3(celsius, 100.0))


class Weather:
    """Air, vapour and sun on a grid of 60 s.

    Args:
        plan: Its seed, climate and days.
    """

    def __init__(self, plan: Plan) -> None:
        climate = plan.climate
        rng = np.random.default_rng((plan.seed, 1))
        count = plan.days * PER_DAY + 2
        second = np.arange(count) * float(GRID_S)
        hour = (DAY_BEGINS_H + second / 3600) % 24
        of_year = (plan.start_utc + second) % _YEAR_S
        season = climate.season_k * np.cos(2 * np.pi * (of_year - _JULY_S) / _YEAR_S)
        spell = wander(rng, count, climate.spell_k, _SPELL_S, dt_s=GRID_S, start=0.0)
        day_c = climate.mean_c + season + spell
        swing = climate.swing_k * np.cos(2 * np.pi * (hour - 15) / 24)
        self.air_c = day_c + swing + wander(rng, count, climate.wander_k, 1800.0, dt_s=GRID_S, start=0.0)
        damp = climate.humidity_rh + wander(rng, count, climate.damp_rh, _SPELL_S, dt_s=GRID_S, start=0.0)
        vapour = vapour_g_m3(day_c, np.clip(damp, 15.0, 100.0))
        self.vapour = np.minimum(vapour, vapour_g_m3(self.air_c, 100.0))
        self.sun = np.maximum(0.0, np.sin(np.pi * (hour - 6) / 12))

    def at(self, second: NDArray[np.integer]) -> Floats:
        """Give the air, Celsius, at seconds after the start of the plan."""
        return np.asarray(np.interp(second, np.arange(len(self.air_c)) * float(GRID_S), self.air_c))


class Supply:
    """Voltage without load, frequency and distortion, day by day.

    Args:
        plan: Its seed.
    """

    def __init__(self, plan: Plan) -> None:
        self._seed = plan.seed
        self._last = np.zeros(5)

    def day(self, number: int) -> "SupplyDay":
        """Make a day; they are made in order."""
        rng = np.random.default_rng((self._seed, 2, number))
        shapes = ((2.0, 600.0), (2.0, 600.0), (2.0, 600.0), (0.02, 60.0), (0.3, 900.0))
        rows = np.empty((5, _SUPPLY_PER_DAY + 1))
        for row, (sd, tau_s) in enumerate(shapes):
            rows[row, 0] = self._last[row]
            rows[row, 1:] = wander(rng, _SUPPLY_PER_DAY, sd, tau_s, dt_s=SUPPLY_S, start=self._last[row])
        self._last = rows[:, -1].copy()
        return SupplyDay(rows)


class SupplyDay:
    """A day of the supply.

    Args:
        rows: Wanders of L1, L2, L3 (V), frequency (Hz), distortion (percent), each 10 s, the first at second 0.
    """

    def __init__(self, rows: Floats) -> None:
        self.rows = rows
