"""This file defines a signal and its key; it guards that a key, a unit and a resolution always travel together.

A key is ``<evse>.<connector>/<Component>[<instance>]/<Variable>[<instance>]`` with OCPP 2.x component and variable
names, for example ``1.0/ElectricalFeed/ACVoltage[L1]``. ``0.0`` is the charging station as a whole. A variable that
OCPP does not define begins with ``x``. Source: OCPP 2.0.1 part 2, appendices; docs/reference/signals.md.
"""

import re
from dataclasses import dataclass

_PART = r"[A-Za-z][A-Za-z0-9]*(?:\[[A-Za-z0-9_.-]+\])?"
_KEY = re.compile(rf"[0-9]{{1,3}}\.[0-9]{{1,3}}/{_PART}/{_PART}")


def is_signal_key(key: str) -> bool:
    """Tell whether a text has the form of a signal key."""
    return _KEY.fullmatch(key) is not None


@dataclass(frozen=True, slots=True)
class Signal:
    """What one column of telemetry means.

    Attributes:
        charger: Charger identity, or "" for the gateway's own signals.
        key: See the top of this file.
        unit: OCPP unit: V, A, W, Wh, Hz, Celsius, Percent, RPM, Ohm, s, dBm, or "" for a count, a state or a boolean.
        resolution: The device's smallest step, in the unit; a sample is stored as round(value / resolution), exact.
            0 if it is not known: a sample is then stored as the 64-bit float that it is.
    """

    charger: str
    key: str
    unit: str
    resolution: float

    def __post_init__(self) -> None:
        """Refuse what could not be stored.

        Raises:
            ValueError: The key has another form or the resolution is neither 0 nor a positive finite number.
        """
        if not is_signal_key(self.key):
            raise ValueError(f"{self.key!r} is not <evse>.<connector>/<Component>/<Variable>")
        if not 0 <= self.resolution < float("inf"):
            raise ValueError(f"{self.key}: resolution {self.resolution} is neither 0 nor a positive number")
