"""This file decides what is worth reporting; it guards that a host always knows the last value to within its deadband.

A value is reported when it differs from the last reported one by more than the deadband of its unit, when it comes
back, and when it is lost. Rows from before the session, or not newer than what the births have told, are history: they
are compared among themselves and never touch what is current.
"""

import numpy as np
from numpy.typing import NDArray

from isolane.core.signals import Signal
from isolane.health.links.rows import Rows
from isolane.health.links.sparkplug.payload import Change, Value
from isolane.wire.names import place

_NEVER = object()
_OF_THE_GATEWAY = "DataLink"


class Report:
    """What one session has reported, and the newest values known.

    Args:
        deadbands: By unit, in that unit.
        held: Whether STALE samples count as values.
    """

    def __init__(self, deadbands: dict[str, float], *, held: bool) -> None:
        self._deadbands = deadbands
        self._held = held
        self._newest: dict[Signal, Change] = {}
        self._told: dict[Signal, Change] = {}
        self._live: dict[Signal, object] = {}
        self._history: dict[Signal, object] = {}

    def begin(self, charger: str | None = None) -> None:
        """Births are about to be told, of all or of one charger: what is current is what they will say."""
        told = {signal: change for signal, change in self._newest.items() if charger in {None, signal.charger}}
        self._told.update(told)
        self._live.update({signal: change.value for signal, change in told.items()})
        self._history = {signal: value for signal, value in self._history.items() if signal not in told}

    def living(self, rows: Rows) -> tuple[set[str], set[str]]:
        """Give the chargers that had a value in some row, and those that have one in the last.

        What the gateway itself knows of a charger's connection (DataLink) is no sign of the charger's life, unless
        nothing else is known of it.
        """
        ever, now, others = set(), set(), set()
        present = rows.present(held=self._held)
        for signal, here in zip(rows.signals, present, strict=True):
            if place(signal.key).component != _OF_THE_GATEWAY:
                others.add(signal.charger)
                if here.any():
                    ever.add(signal.charger)
                if here[-1]:
                    now.add(signal.charger)
        unknown = {signal.charger for signal in rows.signals} - others
        return ever | unknown, now | unknown

    def current(self, signal: Signal, now_ms: int) -> Change:
        """Give the value for a birth."""
        known = self._newest.get(signal)
        return known if known is not None else Change(signal, now_ms, None)

    def changes(self, rows: Rows, born_ms: int) -> list[Change]:
        """Give what is to be reported, in time order.

        Args:
            rows: Samples.
            born_ms: Begin of the session, UTC ms; older rows are history.
        """
        found: list[Change] = []
        present = rows.present(held=self._held)
        for index, signal in enumerate(rows.signals):
            values = rows.column(index)
            birth = self._told.get(signal)
            since_ms = born_ms if birth is None else max(born_ms, birth.t_ms + 1)
            deadband = self._deadbands.get(signal.unit, 0.0)
            for row in _turns(values, present[index]):
                t_ms = int(rows.t_ms[row])
                is_historical = t_ms < since_ms
                memory = self._history if is_historical else self._live
                value: Value = float(values[row]) if present[index][row] else None
                told = memory.get(signal, _NEVER)
                if _differs(told, value, deadband):
                    memory[signal] = value
                    found.append(Change(signal, t_ms, value, is_historical=is_historical))
        self.note(rows)
        found.sort(key=lambda change: change.t_ms)
        return found

    def note(self, rows: Rows) -> None:
        """Remember the newest values, for births."""
        t_ms = int(rows.t_ms[-1])
        present = rows.present(held=self._held)
        for index, signal in enumerate(rows.signals):
            known = self._newest.get(signal)
            if known is None or known.t_ms <= t_ms:
                value = float(rows.column(index)[-1]) if present[index][-1] else None
                self._newest[signal] = Change(signal, t_ms, value)


def _turns(values: NDArray[np.float64], here: NDArray[np.bool_]) -> list[int]:
    """Give the rows that are other than the row before; the first always."""
    turns = (np.diff(values) != 0) | (np.diff(here.astype(np.int8)) != 0)
    return [0, *(int(row) for row in np.flatnonzero(turns) + 1)]


def _differs(told: object, value: Value, deadband: float) -> bool:
    if told is _NEVER or told is None or value is None:
        return told is not value
    return isinstance(told, float) and abs(value - told) > deadband
