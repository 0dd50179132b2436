"""This file takes out samples that cannot be; it guards that a wild sensor is a gap and not a fault of the part.

A sample is taken out when its signal cannot have that value at all, or when it jumps faster than the body that it is
the temperature of can: 5 K a second for any contact, heatsink or air that is measured here (our choice: the steepest
ramp of a failed fan's heatsink is below 0.1 K/s). One that lasts loses its first sample; one that is over after a
sample loses that sample, and no other.
What a model can know better, such as a sensor that is off by some kelvin, is the model's to find.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_RANGES = {
    "Temperature": (-50.0, 200.0),
    "Humidity": (0.0, 101.0),
    "ACVoltage": (0.0, 600.0),
    "ACCurrent": (-1000.0, 1000.0),
    "DCVoltage": (-60.0, 1500.0),
    "DCCurrent": (-1000.0, 1000.0),
    "Frequency": (40.0, 70.0),
    "FanSpeed": (0.0, 60_000.0),
    "xPercent": (0.0, 100.0),
    "Percentage": (0.0, 100.0),
    "Impedance": (0.0, 1e9),
    "SignalStrength": (-140.0, -20.0),
}
_JUMP_K = 5.0


class Plausible:
    """Looks at all columns at once.

    Args:
        keys: Of the columns, without their place.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        variables = [key.rpartition("/")[2].partition("[")[0] for key in keys]
        bounds = [_RANGES.get(variable, (-np.inf, np.inf)) for variable in variables]
        self._low = np.array([low for low, _ in bounds], np.float64)
        self._high = np.array([high for _, high in bounds], np.float64)
        self._warm = np.array([column for column, name in enumerate(variables) if name == "Temperature"], np.intp)
        self._before = np.full((2, len(self._warm)), np.nan, np.float64)
        self.taken_out = 0

    def clean(self, rows: NDArray[np.float64]) -> None:
        """Turn samples that cannot be into NaN, in place. Rows of consecutive calls follow each other.

        Args:
            rows: Shape (rows, columns).
        """
        with np.errstate(invalid="ignore"):
            wild = (rows < self._low) | (rows > self._high)
            if len(self._warm):
                warm = np.concatenate((self._before, rows[:, self._warm]))
                jumps = np.abs(warm[2:] - warm[1:-1]) > _JUMP_K
                wild[:, self._warm] |= jumps & (np.abs(warm[2:] - warm[:-2]) > _JUMP_K)
                self._before = warm[-2:]
        if wild.any():
            self.taken_out += int(wild.sum())
            rows[wild] = np.nan
