"""This file watches columns that nobody has named; it guards that something can be said of any data at all.

Of each column the mean and the scatter of ten minutes are followed, against their own baseline: higher, lower, noisier.
Such a detector knows no part and no limit. It is there for data whose columns have no signal (`isolane soh replay`),
and as what any model has to be better than.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import ClassVar

import numpy as np

from isolane.health.models.measure import Basis, Feature, Finding, Measure, Per, Remedy
from isolane.health.models.model import State
from isolane.health.models.window import Stretch, Window

COMPONENT = "Unnamed"
_VARIABLE = "xValue"
_ROWS_MIN = 60
_SPREADS = 10.0
_PLAN, _DISPATCH = 5.0, 10.0
_REMEDY = Remedy("look at what this column measures: it has left the range that it had")


def key_of(column: str) -> str:
    """Give the key, without its place, of a column that has no signal."""
    return f"{COMPONENT}[{column}]/{_VARIABLE}"


class Unnamed:
    """All unnamed columns of one place.

    Args:
        keys: From `key_of`.
    """

    id: ClassVar[str] = "unnamed/1"
    required: ClassVar[tuple[str, ...]] = (f"{COMPONENT}[*]/{_VARIABLE}",)
    used: ClassVar[tuple[str, ...]] = ()

    def __init__(self, keys: Collection[str]) -> None:
        self._columns = sorted(key.partition("[")[2].rpartition("]")[0] for key in keys if key.startswith(COMPONENT))
        self._measures = [
            _measure(name, column, rises=rises)
            for column in self._columns
            for name, rises in (("high", True), ("low", False), ("noise", True))
        ]

    @property
    def measures(self) -> Sequence[Measure]:
        """See `model.Model.measures`."""
        return self._measures

    def watch(self, window: Window) -> Iterable[Finding]:  # noqa: ARG002 - the port's name
        """See `model.Model.watch`."""
        return ()

    def interval(self, window: Window) -> Iterable[Feature]:
        """See `model.Model.interval`."""
        for column in self._columns:
            values = window[key_of(column)]
            values = values[~np.isnan(values)]
            if len(values) < _ROWS_MIN:
                continue
            mean, noise, n = float(values.mean()), float(values.std()), len(values)
            yield Feature(f"high[{column}]", window.end_s, mean, n=n)
            yield Feature(f"low[{column}]", window.end_s, mean, n=n)
            yield Feature(f"noise[{column}]", window.end_s, noise, n=n)

    def stretch(self, stretch: Stretch) -> Iterable[Feature]:  # noqa: ARG002 - the port's name
        """See `model.Model.stretch`."""
        return ()

    def state(self) -> State:
        """See `model.Model.state`."""
        return {}

    def restore(self, state: Mapping[str, object]) -> None:
        """See `model.Model.restore`."""

    def renew(self) -> None:
        """See `model.Model.renew`."""


def _measure(name: str, column: str, *, rises: bool) -> Measure:
    return Measure(
        name=f"{name}[{column}]",
        component=f"{COMPONENT}[{column}]",
        unit="",
        per=Per.SESSION,
        basis=Basis.MEASURED,
        remedy=_REMEDY,
        spreads=_SPREADS,
        plan=_PLAN,
        dispatch=_DISPATCH,
        scatter=1e-12,
        rises=rises,
    )
