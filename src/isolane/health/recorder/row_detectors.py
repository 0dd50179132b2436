"""This file finds triggers in rows; it guards that a row of thousands of signals costs a few array operations.

Only samples with a value count. What a row is the first to tell is no change: a door that is open when the gateway
starts is no trigger.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isolane.core.samples import Quality
from isolane.health.recorder.rows import Row
from isolane.health.recorder.settings import TriggerSettings
from isolane.health.recorder.triggers import CONTACTOR, DOOR, LEVELS, SHOCK, TILT
from isolane.wire.floats import to_floats
from isolane.wire.names import place
from isolane.wire.schema import Column, Schema
from isolane.wire.snapshot import Trigger

_INDEXES = NDArray[np.intp]
_DOORS = {"CaseAccessSensor", "AccessBarrier"}
_CURRENTS = ("DCCurrent", "ACCurrent", "Current")


@dataclass(frozen=True, slots=True)
class _Watch:
    """One column and what of it is a trigger."""

    index: int
    kind: str
    least: float


class RowDetectors:
    """Watches the rows of one stream.

    Args:
        schema: Of the rows.
        settings: The table.
    """

    def __init__(self, schema: Schema, settings: TriggerSettings) -> None:
        self._columns = schema.columns
        self._resolution = np.array([column.resolution or 1.0 for column in schema.columns])
        self._floats = np.array([not column.resolution for column in schema.columns])
        self._watches = _watches(schema.columns, settings)
        self._at = np.array([watch.index for watch in self._watches], np.intp)
        self._least = np.array([watch.least for watch in self._watches])
        self._is_on: NDArray[np.bool_] = np.ones(len(self._watches), np.bool_)
        self._contactors, self._loads = _contactors(schema.columns)
        self._is_closed: NDArray[np.bool_] = np.zeros(self._contactors.size, np.bool_)
        self._load_a = np.zeros(self._contactors.size)
        self._load_a_min = settings.load_a

    def take(self, row: Row) -> list[Trigger]:
        """Give what a row triggers."""
        found = []
        if self._at.size:
            values, good = self._values(row, self._at)
            is_on = np.abs(values) >= self._least
            for each in np.flatnonzero(good & is_on & ~self._is_on):
                watch = self._watches[int(each)]
                found.append(self._trigger(watch.kind, watch.index, row.t_ms, values[each]))
            self._is_on = np.where(good, is_on, self._is_on)
        if self._contactors.size:
            found += self._contactor(row)
        return found

    def _contactor(self, row: Row) -> list[Trigger]:
        """Find contactors that were closed under load in the row before, and are open."""
        active, good = self._values(row, self._contactors)
        opened = good & self._is_closed & (active == 0) & (self._load_a >= self._load_a_min)
        found = [
            self._trigger(CONTACTOR, int(self._contactors[each]), row.t_ms, self._load_a[each])
            for each in np.flatnonzero(opened)
        ]
        self._is_closed = np.where(good, active > 0, self._is_closed)
        if self._loads.shape[1]:
            flat = self._loads.ravel()
            amperes, present = self._values(row, np.maximum(flat, 0))
            usable = np.where(present & (flat >= 0), np.abs(amperes), 0.0).reshape(self._loads.shape)
            self._load_a = usable.max(axis=1)
        return found

    def _values(self, row: Row, at: _INDEXES) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        raw = row.values[at]
        values = raw * self._resolution[at]
        if self._floats[at].any():
            values = np.where(self._floats[at], to_floats(raw), values)
        return values, (row.codes[at] & 3) != Quality.BAD

    def _trigger(self, kind: str, index: int, t_ms: int, value: float) -> Trigger:
        column = self._columns[index]
        return Trigger(
            kind=kind, charger=column.charger, t_ms=t_ms, level=LEVELS[kind], what=column.key, value=f"{value:.6g}"
        )


def _watches(columns: Sequence[Column], settings: TriggerSettings) -> list[_Watch]:
    found = []
    for index, column in enumerate(columns):
        at = place(column.key)
        if at.component in _DOORS and at.variable == "Active":
            found.append(_Watch(index, DOOR, 1.0))
        elif at.component == "TiltSensor" and at.variable == "Angle":
            found.append(_Watch(index, TILT, settings.tilt_deg))
        elif at.component == "ShockSensor" and at.variable == "Force":
            found.append(_Watch(index, SHOCK, settings.shock_n))
    return found


def _contactors(columns: Sequence[Column]) -> tuple[_INDEXES, NDArray[np.intp]]:
    """Give the columns of contactors, and for each those of its connector's currents, filled up with -1."""
    places = [place(column.key) for column in columns]
    own = [i for i, at in enumerate(places) if at.component == "PowerContactor" and at.variable == "Active"]
    currents = [
        [
            i
            for i, at in enumerate(places)
            if columns[i].charger == columns[contactor].charger
            and at.variable in _CURRENTS
            and at.evse == places[contactor].evse
        ]
        for contactor in own
    ]
    widest = max(map(len, currents), default=0)
    loads = np.full((len(own), widest), -1, np.intp)
    for line, found in enumerate(currents):
        loads[line, : len(found)] = found
    return np.array(own, np.intp), loads
