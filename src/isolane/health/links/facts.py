"""This file finds what is worth a log line; it guards that logs carry what happened and not every sample.

A fact is a change of a state signal (no unit, steps of 1), a change of a signal's quality, a gap record, or a statement
of the books. What a link sees first of a state is told once, so that a reader knows where the changes begin.
"""

from dataclasses import dataclass, field

import numpy as np

from isolane.core.samples import Quality, Reason
from isolane.core.signals import Signal
from isolane.health.links.rows import Rows
from isolane.wire.block import I64, quality_of
from isolane.wire.uplink import Gap, LedgerStatement

_SERIES_MAX = 65_536
"""Signals whose last state is kept; beyond it the memory begins anew."""

Fields = dict[str, str | int | float]


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happened.

    Attributes:
        t_ms: UTC, ms.
        name: Kind, a word of small letters and hyphens.
        is_warning: Whether somebody may want to look.
        charger: Identity, "" for the gateway itself.
        fields: What is known about it, in order.
    """

    t_ms: int
    name: str
    is_warning: bool
    charger: str = ""
    fields: Fields = field(default_factory=dict)


Seen = dict[tuple[str, str], tuple[int | None, int]]
"""Last value and quality code by (charger, key); the value only of states."""


class Changes:
    """Finds the changes in rows. Rows older than what was seen are compared among themselves alone."""

    def __init__(self) -> None:
        self._seen: Seen = {}
        self._next: Seen = {}
        self._newest_ms = -1
        self._next_ms = -1

    def find(self, rows: Rows) -> list[Fact]:
        """Give the changes, in time order; they count as told only after `keep`."""
        is_behind = int(rows.t_ms[0]) <= self._newest_ms
        seen = {} if is_behind else self._seen
        self._next = {}
        facts: list[Fact] = []
        for index, signal in enumerate(rows.signals):
            facts += self._of(signal, rows, index, seen)
        self._next_ms = max(self._newest_ms, int(rows.t_ms[-1]))
        if is_behind:
            self._next = {}
        facts.sort(key=lambda fact: fact.t_ms)
        return facts

    def keep(self) -> None:
        """What was found last has been told."""
        self._newest_ms = self._next_ms
        self._seen.update(self._next)
        if len(self._seen) > _SERIES_MAX:
            self._seen.clear()

    def _of(self, signal: Signal, rows: Rows, index: int, seen: Seen) -> list[Fact]:
        series = signal.charger, signal.key
        value, code = seen.get(series, (None, int(Quality.GOOD)))
        facts = []
        is_state = not signal.unit and signal.resolution == 1
        values, codes = rows.values[index], rows.codes[index]
        for row in _turns(values, codes, is_state=is_state):
            t_ms, now = int(rows.t_ms[row]), int(codes[row])
            if _standing(now) != _standing(code):
                facts.append(_quality(signal, t_ms, code, now))
            code = now
            if is_state and quality_of(now)[0] is not Quality.BAD and int(values[row]) != value:
                facts.append(_state(signal, t_ms, value, int(values[row])))
                value = int(values[row])
        self._next[series] = value, code
        return facts


def _turns(values: I64, codes: I64 | np.ndarray[tuple[int], np.dtype[np.uint8]], *, is_state: bool) -> list[int]:
    """Give the rows at which something may be other than in the row before; the first always."""
    turns = np.diff(codes) != 0
    if is_state:
        turns |= np.diff(values) != 0
    return [0, *(int(row) for row in np.flatnonzero(turns) + 1)]


def _standing(code: int) -> tuple[Quality, Reason]:
    """Give what of a quality code is worth telling: the reason only where there is no value."""
    quality, reason = quality_of(code)
    return quality, reason if quality is Quality.BAD else Reason.NONE


def _quality(signal: Signal, t_ms: int, before: int, now: int) -> Fact:
    (was, _), (quality, reason) = quality_of(before), quality_of(now)
    fields: Fields = {"signal": signal.key, "from": was.name, "to": quality.name}
    if reason is not Reason.NONE:
        fields["reason"] = reason.name
    return Fact(t_ms, "quality", quality is Quality.BAD, signal.charger, fields)


def _state(signal: Signal, t_ms: int, before: int | None, now: int) -> Fact:
    fields: Fields = {"signal": signal.key}
    if before is not None:
        fields["from"] = before
    fields["to"] = now
    return Fact(t_ms, "state", is_warning=False, charger=signal.charger, fields=fields)


def of_gap(gap: Gap) -> Fact:
    """Tell of samples that will never come."""
    fields: Fields = {
        "reason": gap.reason,
        "samples": gap.samples,
        "epoch": gap.epoch,
        "stream": gap.stream,
        "first": gap.first,
        "last": gap.last,
        "from_ms": gap.from_ms,
        "to_ms": gap.to_ms,
    }
    return Fact(gap.to_ms, "gap", is_warning=True, fields=fields)


def of_statement(statement: LedgerStatement) -> list[Fact]:
    """Tell the books, one fact an epoch and stream."""
    facts = []
    for entry in statement.entries:
        fields: Fields = {
            "epoch": entry.epoch,
            "stream": entry.stream,
            "last_sequence": entry.last_sequence,
            "produced": entry.produced,
            "acknowledged": entry.acknowledged,
            "queued": entry.queued,
            "thinned": entry.thinned,
            "dropped": sum(entry.dropped.values()),
        }
        facts.append(Fact(statement.at_ms, "ledger", not entry.balanced, fields=fields))
    return facts
