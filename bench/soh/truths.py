"""This file gives the score that the truth would have; it guards that scores are held against their own end of life.

The true level of a fault becomes the value of the measure that is about it: a multiple of its baseline, or so much
more than it, or the value itself. That value stands on the scale that the score uses, between the baseline it learnt
and its end of life.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from isolane.health.models.score import state_of_health


@dataclass(frozen=True, slots=True)
class Scale:
    """How a fault's level shows in a measure.

    Attributes:
        model: Kind of the model.
        measure: Name of the measure, or its beginning.
        theta: True value from baseline and level.
    """

    model: str
    measure: str
    theta: Callable[[float, float], float]


def _times(start: float, level: float) -> float:
    return start * level


def _less(start: float, level: float) -> float:
    return start * (1 - level)


def _plus(start: float, level: float) -> float:
    return start + level


def _minus(start: float, level: float) -> float:
    return start - level


def _more(start: float, level: float) -> float:
    """Loss over its law: what the modules lose more."""
    return start + level - 1


def _resistance(start: float, level: float) -> float:
    """The equivalent series resistance of the simulator's capacitors grows to 2.5 times."""
    return start * (1 + 1.5 * level)


def _usual(_start: float, level: float) -> float:
    """One talk in a hundred fails in good health."""
    return level + 0.01


def _itself(_start: float, level: float) -> float:
    return level


SCALES: Mapping[str, Scale] = {
    "conn_gain, dc150": Scale("connector", "contact_heating[ContactDCplus]", _times),
    "conn_gain, ac22": Scale("connector", "contact_heating[ContactL1]", _times),
    "fan_wear, dc150": Scale("cooling", "fan_speed[1]", _less),
    "clog, dc150": Scale("cooling", "airflow", _less),
    "terminal_z[2], dc150": Scale("supply", "terminal[L2]", _times),
    "terminal_z[1], ac22": Scale("supply", "terminal[L1]", _times),
    "eff_drift[3], dc150": Scale("modules", "module_warmth[3]", _times),
    "eff_drift, dc150": Scale("modules", "loss", _more),
    "cap_age[2], dc150": Scale("capacitors", "ripple[2]", _resistance),
    "pilot_drift, dc150": Scale("pilot", "pilot_drift[Positive]", _itself),
    "pilot_diode, dc150": Scale("pilot", "pilot_drift[Negative]", _itself),
    "pilot_duty, dc150": Scale("pilot", "duty_error", _itself),
    "slac_attenuation, dc150": Scale("pilot", "slac_attenuation", _plus),
    "slac_fail, dc150": Scale("pilot", "slac_failures", _usual),
    "neutral_r, ac22": Scale("supply", "neutral", _itself),
    "riso_scale, dc150": Scale("insulation", "insulation", _times),
    "rcd_standing, dc150": Scale("residual", "residual_current[DC]", _plus),
    "rcd_standing, ac22": Scale("residual", "residual_current[DC]", _plus),
    "meter_gain, dc150": Scale("meter", "counts_more[Control]", _times),
    "meter_gain, ac22": Scale("meter", "counts_more[Control]", _times),
    "rsrp_drop, dc150": Scale("link", "signal", _minus),
    "comms_flap, dc150": Scale("link", "reconnects", _itself),
    "clock_drift, dc150": Scale("clock", "clock_offset", _itself),
    "storage_wear, dc150": Scale("storage", "flash_worn", _itself),
}
"""By fault and charger."""


def true_value(scale: Scale, level: float, theta_0: float, theta_end: float) -> float:
    """Give the score, 0 to 100, that a fault's true level stands for; NaN while there is no baseline."""
    return state_of_health(scale.theta(theta_0, level), theta_0, theta_end)
