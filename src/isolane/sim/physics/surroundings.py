"""This file is the weather around a charger; it guards that one charger's surroundings follow from its seed alone."""

import math
import random
from dataclasses import dataclass

from isolane.sim.physics.noise import Wander

_DAY_S = 86_400.0
_MAGNUS_A = 17.625
_MAGNUS_B = 243.04
"""Magnus coefficients after Alduchov and Eskridge, for water, -40 to 50 C."""


@dataclass(frozen=True, slots=True)
class Weather:
    """What the weather is made of.

    Attributes:
        mean_c: Daily mean of the air, Celsius.
        swing_k: Half the difference between afternoon and night, K.
        wander_k: Standard deviation of what is left, K.
        humidity_rh: Relative humidity at the daily mean, percent.
        hour: Hour of the day at which the simulation begins, 0 to 24.
    """

    mean_c: float = 15.0
    swing_k: float = 5.0
    wander_k: float = 0.5
    humidity_rh: float = 60.0
    hour: float = 12.0


def vapour_g_m3(celsius: float, humidity_rh: float) -> float:
    """Give the absolute humidity of air, g/m3."""
    pressure_hpa = 6.1094 * math.exp(_MAGNUS_A * celsius / (_MAGNUS_B + celsius)) * humidity_rh / 100
    return 216.7 * pressure_hpa / (celsius + 273.15)


def humidity_rh(celsius: float, vapour: float) -> float:
    """Give the relative humidity, percent, at most 100, of air that holds `vapour` g/m3."""
    return min(100.0, 100.0 * vapour / vapour_g_m3(celsius, 100.0))


class Surroundings:
    """Air and sun, stepped.

    Args:
        weather: See there.
        rng: Where its numbers come from.
    """

    def __init__(self, weather: Weather, rng: random.Random) -> None:
        self._weather = weather
        self._wander = Wander(weather.wander_k, 1800.0, rng)
        self._now_s = weather.hour * 3600.0
        self._vapour = vapour_g_m3(weather.mean_c, weather.humidity_rh)
        self.air_c = self._air_c()

    @property
    def vapour(self) -> float:
        """Absolute humidity outdoors, g/m3; the same all day."""
        return min(self._vapour, vapour_g_m3(self.air_c, 100.0))

    @property
    def sun(self) -> float:
        """The sun on the housing, 0 at night to 1 at noon."""
        return max(0.0, math.sin(math.pi * (self._now_s / 3600.0 % 24.0 - 6.0) / 12.0))

    def step(self, dt_s: float) -> None:
        """Move on by `dt_s` seconds."""
        self._now_s += dt_s
        self._wander.step(dt_s)
        self.air_c = self._air_c()

    def _air_c(self) -> float:
        phase = 2 * math.pi * (self._now_s / _DAY_S - 15 / 24)
        return self._weather.mean_c + self._weather.swing_k * math.cos(phase) + self._wander.value
