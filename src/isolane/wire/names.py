"""This file names signals the way other systems do; it guards that one signal has one name and one unit everywhere.

Prometheus wants base units and the unit in the name, OpenTelemetry the UCUM code beside it. Values are converted by an
exact factor, so that a name never says another unit than the number has.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from isolane.core.signals import Signal

_ONE = Fraction(1)
_HOUR_S = Fraction(3600)
_PERCENT = Fraction(1, 100)


@dataclass(frozen=True, slots=True)
class Unit:
    """One OCPP unit in others' words.

    Attributes:
        suffix: At the end of a Prometheus name.
        factor: From the OCPP unit to the one the suffix says.
        ucum: Code of the OCPP unit itself.
    """

    suffix: str
    factor: Fraction
    ucum: str


_UNITS = {
    "": Unit("", _ONE, "1"),
    "V": Unit("volts", _ONE, "V"),
    "A": Unit("amperes", _ONE, "A"),
    "W": Unit("watts", _ONE, "W"),
    "Wh": Unit("joules", _HOUR_S, "W.h"),
    "VA": Unit("volt_amperes", _ONE, "V.A"),
    "var": Unit("vars", _ONE, "{var}"),
    "VAh": Unit("volt_ampere_hours", _ONE, "V.A.h"),
    "varh": Unit("var_hours", _ONE, "{var}.h"),
    "Hz": Unit("hertz", _ONE, "Hz"),
    "Celsius": Unit("celsius", _ONE, "Cel"),
    "K": Unit("kelvin", _ONE, "K"),
    "Percent": Unit("ratio", _PERCENT, "%"),
    "RH": Unit("relative_humidity_ratio", _PERCENT, "%{RH}"),
    "RPM": Unit("revolutions_per_minute", _ONE, "{revolution}/min"),
    "Ohm": Unit("ohms", _ONE, "Ohm"),
    "s": Unit("seconds", _ONE, "s"),
    "dBm": Unit("decibel_milliwatts", _ONE, "dB[mW]"),
    "Deg": Unit("degrees", _ONE, "deg"),
    "N": Unit("newtons", _ONE, "N"),
    "ms2": Unit("meters_per_second_squared", _ONE, "m/s2"),
    "B": Unit("bytes", _ONE, "By"),
    "lpm": Unit("liters_per_minute", _ONE, "L/min"),
}
_PART = r"([A-Za-z0-9]+)(?:\[([^\]]+)\])?"
_KEY = re.compile(rf"(\d+)\.(\d+)/{_PART}/{_PART}")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


@dataclass(frozen=True, slots=True)
class Place:
    """A signal's key, taken apart; an instance that is not there is ""."""

    evse: str
    connector: str
    component: str
    component_instance: str
    variable: str
    variable_instance: str


@lru_cache(maxsize=65_536)
def place(key: str) -> Place:
    """Take a signal's key apart.

    Raises:
        ValueError: It is not the key of a signal.
    """
    found = _KEY.fullmatch(key)
    if found is None:
        raise ValueError(f"{key!r} is not <evse>.<connector>/<Component>/<Variable>")
    return Place(*("" if part is None else part for part in found.groups()))


def unit(name: str) -> Unit:
    """Give an OCPP unit in others' words; one that is not in the list keeps its own, in small letters."""
    return _UNITS.get(name) or Unit("_".join(words(name)), _ONE, f"{{{name}}}")


def words(name: str) -> list[str]:
    """Part a name such as ACVoltage into small words."""
    return [word.lower() for word in _WORD.findall(name)]


@lru_cache(maxsize=65_536)
def metric_name(signal: Signal) -> str:
    """Give a signal's Prometheus name, for example ``isolane_ac_voltage_volts``."""
    suffix = unit(signal.unit).suffix
    return "_".join(["isolane", *words(place(signal.key).variable), *([suffix] if suffix else [])])


def labels(signal: Signal) -> dict[str, str]:
    """Give what tells a signal from others of its name, in alphabetical order; what is empty is left out."""
    at = place(signal.key)
    pairs = {
        "charger": signal.charger,
        "component": at.component,
        "component_instance": at.component_instance,
        "connector": at.connector,
        "evse": at.evse,
        "variable_instance": at.variable_instance,
    }
    return {name: value for name, value in pairs.items() if value}
