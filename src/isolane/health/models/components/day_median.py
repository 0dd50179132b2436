"""This file judges a slow signal by its medians of days; it guards that a wild sample or an hour's gap changes nothing.

A component of one such signal says its key and measure, and is a model.
"""

import math
from collections.abc import Iterator
from typing import ClassVar

import msgspec

from isolane.health.models.components.daily import Daily, Notes, middle, middle_of_day
from isolane.health.models.measure import Feature, Finding, Measure
from isolane.health.models.model import State
from isolane.health.models.window import Stretch, Window

_ROWS_MIN, _INTERVALS_MIN = 60, 6


class DayMedian:
    """A signal whose day's median is the feature.

    Args:
        key: Of the signal.
        measure: Of its medians.
    """

    used: ClassVar[tuple[str, ...]] = ()

    def __init__(self, key: str, measure: Measure) -> None:
        self._key = key
        self._measure = measure
        self._days = Daily()

    @property
    def measures(self) -> list[Measure]:
        """The one."""
        return [self._measure]

    def watch(self, window: Window) -> tuple[Finding, ...]:
        """Nothing: what is slow has time."""
        del window
        return ()

    def interval(self, window: Window) -> Iterator[Feature]:
        """Keep the median of ten minutes; tell the day's when a day is over."""
        day = self._days.over(window.end_s)
        if day is not None and len(values := day[1].get(self._key, [])) >= _INTERVALS_MIN:
            yield Feature(self._measure.name, day[0], *middle_of_day(values), len(values))
        if math.isfinite(value := middle(window[self._key], _ROWS_MIN)):
            self._days.add(self._key, value)

    def stretch(self, stretch: Stretch) -> tuple[Feature, ...]:
        """Nothing: it is there without sessions too."""
        del stretch
        return ()

    def state(self) -> State:
        """Give what has to be remembered."""
        remembered: State = msgspec.to_builtins(self._days.note())
        return remembered

    def restore(self, state: State) -> None:
        """Go on from there."""
        self._days.recall(msgspec.convert(dict(state), Notes))

    def renew(self) -> None:
        """Nothing is learnt here."""
