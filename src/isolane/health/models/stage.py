"""This file runs the models of a whole site; it guards that each place is shown every row, made plausible first.

Rows of the site come in batches (the blocks that are sent); all columns are made plausible at once and handed to each
place. What every place remembers is written down from time to time, so a restart loses minutes and not a baseline.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isolane.core.signals import Signal
from isolane.health.models import catalogue
from isolane.health.models.binding import Place, places, wanted
from isolane.health.models.model import Model, Rating
from isolane.health.models.place import Bay, Change
from isolane.health.models.plausible import Plausible
from isolane.health.models.score import Score
from isolane.health.models.settings import ModelSettings
from isolane.health.models.supervision import Supervised


@dataclass(frozen=True, slots=True)
class Told:
    """Something about a place.

    Attributes:
        place: Which.
        change: What changed.
    """

    place: Place
    change: Change


class Stage:
    """All places of a site.

    Args:
        signals: The columns, in their order.
        settings: The [health.models] table.
        good_until_s: UTC second until which all is known to have been well; None if nobody says so.
    """

    def __init__(self, signals: Sequence[Signal], settings: ModelSettings, good_until_s: int | None = None) -> None:
        self._plausible = Plausible([signal.key.partition("/")[2] for signal in signals])
        self.bays = list(_bays(signals, settings, good_until_s))
        self._supervised: dict[int, Supervised] = {}

    @property
    def failed(self) -> int:
        """Batches that a place's models could not take; a bug, logged and counted."""
        return sum(each.failed for each in self._supervised.values())

    @property
    def working(self) -> list[Bay]:
        """The places that are not put out."""
        out = {number for number, each in self._supervised.items() if each.is_out}
        return [bay for number, bay in enumerate(self.bays) if number not in out]

    @property
    def bytes(self) -> int:
        """Memory that kept rows take."""
        return sum(bay.bytes for bay in self.bays)

    @property
    def taken_out(self) -> int:
        """Samples that could not be."""
        return self._plausible.taken_out

    def feed(self, start_s: int, rows: NDArray[np.float64]) -> list[Told]:
        """Take rows of consecutive seconds; give the levels that changed by them.

        Args:
            start_s: UTC second of the first row.
            rows: Shape (rows, columns), in the signals' units, gaps as NaN; changed in place where it cannot be.
        """
        self._plausible.clean(rows)
        told: list[Told] = []
        for number, bay in enumerate(self.bays):
            supervised = self._supervised.setdefault(number, Supervised(bay))
            told += [Told(bay.place, change) for change in supervised.feed(start_s, rows)]
        return told

    def scores(self, now_s: int) -> Iterator[tuple[Place, Score]]:
        """Give all scores at a UTC second, without those of places that are put out."""
        for bay in self.working:
            for score in bay.scores(now_s):
                yield bay.place, score


def _bays(signals: Sequence[Signal], settings: ModelSettings, good_until_s: int | None) -> Iterator[Bay]:
    planned = list(_planned(signals, settings))
    for each, watched in zip(planned, _watched(planned), strict=True):
        watching = [kind for kind in catalogue.KINDS if watched and not kind.required and kind.name not in settings.off]
        models = [*each.models, *(kind.make(settings, each.rating, watched) for kind in watching)]
        commissioned = _commissioned(settings, each.place)
        yield Bay(each.place, each.rating, models, commissioned, good_until_s=good_until_s)


@dataclass(frozen=True, slots=True)
class _Planned:
    """A place, its columns that are read, and the models that read them."""

    place: Place
    rating: Rating
    models: list[Model]


def _planned(signals: Sequence[Signal], settings: ModelSettings) -> Iterator[_Planned]:
    taken: set[tuple[str, tuple[int, ...]]] = set()
    for place in places(signals):
        rating = settings.rating(place.charger, direct="EVSE/DCCurrent" in place.columns)
        models: list[Model] = []
        used: set[str] = set()
        for kind in catalogue.KINDS:
            required = wanted(place.columns, kind.required)
            if not required or kind.name in settings.off:
                continue
            mark = (kind.name, tuple(place.columns[key] for key in required))
            if mark in taken:
                continue
            taken.add(mark)
            also = [key for pattern in kind.used for key in wanted(place.columns, [pattern]) or ()]
            keys = (*required, *also)
            model = kind.make(settings, rating, keys)
            if model.measures:  # of what the place has, some may be of use to it and nothing be measured
                models.append(model)
                used.update(keys)
        if models:
            used.update(key for key in place.columns if _shows_flow(key))
            yield _Planned(_only(place, used), rating, models)


def _watched(planned: Sequence[_Planned]) -> list[list[str]]:
    """Give the keys that each place watches itself: every column once, at the first place that sees a load with it."""
    owners: dict[int, int] = {}
    for sees_load in (True, False):
        for number, each in enumerate(planned):
            if any(_shows_flow(key) for key in each.place.columns) or not sees_load:
                for column in each.place.columns.values():
                    owners.setdefault(column, number)
    return [
        [key for key, column in each.place.columns.items() if owners[column] == number]
        for number, each in enumerate(planned)
    ]


def _shows_flow(key: str) -> bool:
    return key == "EVSE/DCCurrent" or "ACCurrent[L" in key


def _only(place: Place, keys: set[str]) -> Place:
    return Place(place.charger, place.prefix, {key: place.columns[key] for key in sorted(keys)})


def _commissioned(settings: ModelSettings, place: Place) -> Mapping[str, float]:
    return {
        each.measure: each.value
        for each in settings.commissioned
        if each.charger == place.charger and each.place == place.prefix and math.isfinite(each.value)
    }
