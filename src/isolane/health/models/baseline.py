"""This file learns what a part is like as commissioned; it guards that a baseline, once there, never adapts by itself.

A baseline that followed the features would follow the wear. Only a maintenance event makes a new one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

FEATURES = 50
DAYS = 14
_FEATURES_MIN = 10
_DAY_S = 86_400
_MAD_TO_SD = 1.4826
"""Of a normal distribution."""


@dataclass(slots=True)
class Baseline:
    """The first 50 features, or those of 14 days if these are ten at least.

    Attributes:
        values: As they came, until it is complete; tested values (logarithms where a measure is tested so).
        since_s: UTC second of the first.
    """

    values: list[float] = field(default_factory=list)
    since_s: int = 0

    def take(self, value: float, at_s: int) -> bool:
        """Take a feature; tell whether it is complete."""
        if not self.values:
            self.since_s = at_s
        self.values.append(value)
        count = len(self.values)
        return count >= FEATURES or (count >= _FEATURES_MIN and at_s - self.since_s >= DAYS * _DAY_S)

    @property
    def until_complete(self) -> int:
        """How many features are missing at most."""
        return FEATURES - len(self.values)


def middle_and_spread(values: Sequence[float]) -> tuple[float, float]:
    """Give median and robust standard deviation, 1.4826 x the median absolute deviation."""
    array = np.asarray(values, np.float64)
    middle = float(np.median(array))
    return middle, _MAD_TO_SD * float(np.median(np.abs(array - middle)))
