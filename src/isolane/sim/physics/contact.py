"""This file heats a contact; it guards the one law that the health models look for: tau d(dT)/dt = -dT + G I^2."""

import math
import random

from isolane.sim.physics.noise import Lag

MATING_SCATTER = 0.10
"""How much the contact resistance differs from one plugging-in to the next, standard deviation of its logarithm."""


class Contact:
    """One contact of a connector.

    Args:
        gain_k_a2: G, steady rise over the air per ampere squared, K/A2.
        tau_s: Thermal time constant, s.
        air_c: Where it begins, Celsius.
    """

    def __init__(self, gain_k_a2: float, tau_s: float, air_c: float) -> None:
        self._gain_k_a2 = gain_k_a2
        self._rise = Lag(0.0, tau_s)
        self._air_c = air_c
        self._mating = 1.0

    @property
    def celsius(self) -> float:
        """Its temperature."""
        return self._air_c + self._rise.value

    def mate(self, rng: random.Random, scatter: float) -> None:
        """Plug in: the pins never lie quite as before."""
        self._mating = math.exp(rng.gauss(0.0, scatter))

    def step(self, current_a: float, air_c: float, gain: float, dt_s: float) -> None:
        """Move on by `dt_s` seconds; `gain` is the fault's factor on G."""
        self._air_c = air_c
        self._rise.step(gain * self._mating * self._gain_k_a2 * current_a**2, dt_s)


def derate(celsius: float, begin_c: float, end_c: float) -> float:
    """Give the share of power that a part at this temperature still allows: 1 up to `begin_c`, 0 from `end_c` on."""
    return min(1.0, max(0.0, (end_c - celsius) / (end_c - begin_c)))
