"""This file is the housing: warmth, moisture and insulation inside; it guards that insulation follows humidity."""

import math

from isolane.sim.physics.faults import Faults
from isolane.sim.physics.noise import Lag
from isolane.sim.physics.surroundings import Surroundings, humidity_rh

_VAPOUR_TAU_S = 6 * 3600.0
_INGRESS_GAIN = 0.7
"""Vapour that full ingress adds, of the vapour outdoors."""
_RISO_OHM = 8e6
_RISO_PER_RH = 0.035


def insulation_ohm(humidity: float, scale: float) -> float:
    """Give the insulation to earth: 8 MOhm at 50 % relative humidity, 3.5 % less with each further percent.

    Args:
        humidity: Relative humidity inside, percent.
        scale: The fault's factor.
    """
    return _RISO_OHM * math.exp(-_RISO_PER_RH * (humidity - 50.0)) * scale


class Housing:
    """Air inside the housing.

    Args:
        tau_s: Thermal time constant, s: 1200 for a wallbox, 3600 for a cabinet.
        sun_k: Rise in full sun, K.
        load_k: Rise at full power, K.
        surroundings: The air outside.
    """

    def __init__(self, tau_s: float, sun_k: float, load_k: float, surroundings: Surroundings) -> None:
        self._sun_k = sun_k
        self._load_k = load_k
        self._surroundings = surroundings
        self._air = Lag(surroundings.air_c, tau_s)
        self._vapour = Lag(surroundings.vapour, _VAPOUR_TAU_S)

    def step(self, load: float, faults: Faults, dt_s: float) -> None:
        """Move on by `dt_s` seconds; `load` is power over rated power."""
        outside = self._surroundings
        self._air.step(outside.air_c + self._sun_k * outside.sun + self._load_k * load, dt_s)
        self._vapour.step(outside.vapour * (1 + _INGRESS_GAIN * faults["ingress"]), dt_s)

    @property
    def celsius(self) -> float:
        """Temperature of the air inside."""
        return self._air.value

    @property
    def humidity_rh(self) -> float:
        """Relative humidity of the air inside, percent, at the temperature of the air outside.

        The sensor and the insulation that suffers sit low in the housing, where the air is not yet warmed.
        """
        return humidity_rh(self._surroundings.air_c, self._vapour.value)
