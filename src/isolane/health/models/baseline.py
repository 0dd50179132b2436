"""This file learns what a part is like as commissioned; it guards that a baseline, once there, never adapts by itself.

A baseline that followed the features would follow the wear. Only a maintenance event makes a new one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

FEATURES = 50
DAYS = 14
_FEATURES_MIN = 10
_NAMED_MIN = 3
_DAY_S = 86_400
_TAME_SD = 3.0
_MAD_TO_SD = 1.4826
"""Of a normal distribution."""


@dataclass(slots=True)
class Baseline:
    """The first 50 features, or those of 14 days if these are ten at least; or those of a span that somebody named.

    A measure whose features scatter widely may ask for more than 50.

    Attributes:
        until_s: UTC second at which a named span ends; None if there is none.
        values: As they came, until it is complete; tested values (logarithms where a measure is tested so).
        since_s: UTC second of the first.
    """

    values: list[float] = field(default_factory=list)
    since_s: int = 0
    until_s: int | None = None

    def take(self, value: float, at_s: int, features: int = FEATURES) -> bool:
        """Take a feature; tell whether it is complete. The one after a named span is not taken.

        Args:
            value: Tested value.
            at_s: UTC second, not before the one taken last.
            features: How many are enough before 14 days are over.
        """
        if self.until_s is not None and at_s > self.until_s and len(self.values) >= _NAMED_MIN:
            return True
        if not self.values:
            self.since_s = at_s
        self.values.append(value)
        count = len(self.values)
        if self.until_s is not None:
            return False
        return count >= features or (count >= _FEATURES_MIN and at_s - self.since_s >= DAYS * _DAY_S)


def middle_and_spread(values: Sequence[float]) -> tuple[float, float]:
    """Give middle and robust standard deviation, 1.4826 x the median absolute deviation.

    The middle is the mean of those within three of these of the median: surer than the median itself, and not bound to
    the steps in which a value is told.
    """
    array = np.asarray(values, np.float64)
    away = np.abs(array - np.median(array))
    spread = _MAD_TO_SD * float(np.median(away))
    return float(array[away <= _TAME_SD * spread].mean()), spread
