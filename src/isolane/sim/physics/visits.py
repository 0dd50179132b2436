"""This file draws who comes, with how much left and for how much; it guards that the distribution is the measured one.

Quantiles at 0, 5, 10, 25, 50, 75, 90, 95, 100 % over the 1,878 sessions of DESL-EPFL's level-3 EV charging dataset
(MIT licence, file Session_data.xlsx): the value at the nearest rank, energy to 100 Wh, state of charge to 1 %, stay in
minutes. In between, a draw is interpolated linearly. The three are drawn independently and then held to what the
battery can take, so the joint distribution is not the station's; its marginal ones are.
"""

import bisect
import random
from dataclasses import dataclass

from isolane.sim.physics.vehicles import Vehicle, draw_model

LEVELS = (0.0, 0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95, 1.0)
STAY_MIN = (5.0, 10.0, 13.0, 20.0, 30.0, 42.0, 54.0, 62.0, 144.0)
ENERGY_WH = (1200.0, 8000.0, 11100.0, 18000.0, 29400.0, 43300.0, 55500.0, 60900.0, 268900.0)
SOC_ARRIVAL = (0.0, 0.07, 0.11, 0.19, 0.31, 0.46, 0.60, 0.71, 0.98)

_SOC_FULL = 0.98
_ENERGY_WH_MIN = 200.0


@dataclass(frozen=True, slots=True)
class Visit:
    """One car's stay.

    Attributes:
        vehicle: Who.
        energy_wh: After how much it leaves.
        stay_s: After how long it leaves in any case, s of simulated time.
    """

    vehicle: Vehicle
    energy_wh: float
    stay_s: float


def quantile(table: tuple[float, ...], level: float) -> float:
    """Give the value at a level from 0 to 1, linear between the table's points."""
    high = min(max(bisect.bisect_left(LEVELS, level), 1), len(LEVELS) - 1)
    share = (level - LEVELS[high - 1]) / (LEVELS[high] - LEVELS[high - 1])
    return table[high - 1] + (table[high] - table[high - 1]) * share


def draw_visit(rng: random.Random, energy_scale: float = 1.0, *, slow: bool = False) -> Visit:
    """Draw a visit.

    Args:
        rng: Where its numbers come from.
        energy_scale: Factor on energy and stay, over 0; under 1 makes visits end sooner.
        slow: An AC charger: the stay was measured at DC chargers and is not applied.
    """
    vehicle = Vehicle(draw_model(rng), quantile(SOC_ARRIVAL, rng.random()))
    room_wh = (_SOC_FULL - vehicle.soc) * vehicle.model.battery_wh
    energy_wh = min(quantile(ENERGY_WH, rng.random()) * energy_scale, room_wh)
    stay_s = 86_400.0 if slow else quantile(STAY_MIN, rng.random()) * 60 * energy_scale
    return Visit(vehicle, max(energy_wh, _ENERGY_WH_MIN), max(stay_s, 60.0))
