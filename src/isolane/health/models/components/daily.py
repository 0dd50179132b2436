"""This file gathers numbers of ten minutes until their day is over; it guards that a day is told once, and whole.

What comes of a day, or of an hour (a median, a share, a sum) is the component's. Restarts make no difference.
"""

import msgspec
import numpy as np

from isolane.health.models.window import Floats

DAY_S = 86_400
_MAD_TO_SD = 1.4826


class Notes(msgspec.Struct, kw_only=True):
    """What has to be remembered.

    Attributes:
        day: Of UTC that `values` belong to (or hour, where spans are such); 0 before the first.
        values: By name, in their order.
    """

    day: int = 0
    values: dict[str, list[float]] = msgspec.field(default_factory=dict)


class Daily:
    """The numbers of the present day.

    Args:
        span_s: Length of what is told at once, s: 3600 is hours.
    """

    def __init__(self, span_s: int = DAY_S) -> None:
        self._span_s = span_s
        self._notes = Notes()

    def over(self, end_s: int) -> tuple[int, dict[str, list[float]]] | None:
        """Tell of a day that is over: the UTC second after it, and its numbers by name.

        Args:
            end_s: UTC second after ten minutes; to be called before their numbers are added.
        """
        notes, day = self._notes, (end_s - 1) // self._span_s
        if day <= notes.day:
            return None
        before, values = notes.day, notes.values
        notes.day, notes.values = day, {}
        return ((before + 1) * self._span_s, values) if before else None

    def add(self, name: str, value: float) -> None:
        """Add a number to the present day."""
        self._notes.values.setdefault(name, []).append(value)

    def note(self) -> Notes:
        """Give what has to be remembered."""
        return self._notes

    def recall(self, notes: Notes) -> None:
        """Go on from there."""
        self._notes = notes


def middle(values: Floats, rows_min: int) -> float:
    """Give the median of the samples there are; NaN if these are fewer than `rows_min`."""
    there = values[np.isfinite(values)]
    count = len(there)
    if not count or count < rows_min:
        return float("nan")
    there.sort()  # a sixth of what np.median takes
    return float(there[(count - 1) // 2] + there[count // 2]) / 2


def middle_of_day(values: list[float]) -> tuple[float, float]:
    """Give the median of a day's numbers and its standard deviation, from their median absolute deviation."""
    array = np.asarray(values, np.float64)
    median = float(np.median(array))
    return median, _MAD_TO_SD * float(np.median(np.abs(array - median))) / len(array) ** 0.5
