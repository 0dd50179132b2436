"""This file sums up chargers from their last rows; it guards that a sum is worked out once per row, not once per look.

A fleet page, its live stream and the alert rules ask for every charger each second, and most rows are older than that.
Of a row only the samples that a summary tells are put into words; the others are counted by their quality codes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from operator import is_

from isolane.center.store.columns import Columns
from isolane.center.store.latest import LastRow, signal_now
from isolane.center.store.scaling import scaled
from isolane.center.store.summary import (
    is_telling,
    power_columns,
    power_w,
    session_active,
    state,
    temperature_max_c,
)
from isolane.core.samples import Quality
from isolane.wire.schema import Column

Use = tuple[int, bytes]
"""Gateway number and schema."""

_ORDERS_MAX = 8
"""In which a charger's uses came last; more are worked out again."""


@dataclass(frozen=True, slots=True)
class Digest:
    """What a charger's last rows say; the fields are those of `ChargerSummary`."""

    state: str
    power_w: float | None
    temperature_max_c: float | None
    signals: int
    bad_signals: int
    stale_signals: int
    session_active: bool | None


@dataclass(frozen=True, slots=True)
class _Plan:
    """Where a charger's signals stand in the rows of some uses.

    Attributes:
        counted: Of each use the places of its signals, those left out that a later use has too.
        told: Use and place of the signals that a summary tells, by key.
        power: Keys whose sum is the power to the vehicles.
    """

    counted: list[list[int]]
    told: dict[str, tuple[int, int, Column]]
    power: list[str]


class Digests:
    """Sums of chargers and what they were made of.

    Args:
        columns: What columns mean; shared with the store.
        last: Newest row of each use; shared with who keeps them.
    """

    def __init__(self, columns: Columns, last: Mapping[Use, LastRow]) -> None:
        self._columns = columns
        self._last = last
        self._qualities: dict[Use, tuple[LastRow, list[int]]] = {}
        self._plans: dict[tuple[str, str], dict[tuple[Use, ...], _Plan]] = {}
        self._made: dict[tuple[str, str], tuple[list[LastRow | None], Digest]] = {}

    def of(self, site: str, charger: str, uses: list[Use]) -> Digest:
        """Sum up a charger; of a signal that several uses carry, the newest sample counts.

        Args:
            site: Site name.
            charger: Identity.
            uses: All that carry it, at least one.
        """
        last = self._last
        order = tuple(uses)
        if len(uses) > 1:
            order = tuple(sorted(uses, key=lambda use: last[use].t_ms if use in last else 0))
        rows = [last.get(use) for use in order]
        made = self._made.get((site, charger))
        if made is not None and len(made[0]) == len(rows) and all(map(is_, made[0], rows)):
            return made[1]
        digest = self._digest(self._plan((site, charger), order), order, rows)
        self._made[site, charger] = rows, digest
        return digest

    def _digest(self, plan: _Plan, order: tuple[Use, ...], rows: list[LastRow | None]) -> Digest:
        signals = bad = stale = 0
        for use, row, places in zip(order, rows, plan.counted, strict=True):
            signals += len(places)
            if row is None:
                bad += len(places)
                continue
            qualities = self._quality(use, row)
            own = [qualities[at] for at in places]
            bad += own.count(Quality.BAD)
            stale += own.count(Quality.STALE)
        told = {key: signal_now(key, column, at, rows[use]) for key, (use, at, column) in plan.told.items()}
        charger_state = state(told.values())
        return Digest(
            charger_state,
            power_w(told, plan.power),
            temperature_max_c(told.values()),
            signals,
            bad,
            stale,
            session_active(told.values(), charger_state),
        )

    def _quality(self, use: Use, row: LastRow) -> list[int]:
        """Give the quality of each sample of a row, once for all its chargers."""
        known = self._qualities.get(use)
        if known is None or known[0] is not row:
            codes = row.codes
            floats = self._columns.schemas[use[1]].floats
            if floats is not None:
                codes = codes.copy()
                codes[floats] = scaled(row.values[floats], codes[floats], 0.0)[1]
            known = self._qualities[use] = row, (codes & 3).tolist()
        return known[1]

    def _plan(self, who: tuple[str, str], order: tuple[Use, ...]) -> _Plan:
        """Find out where a charger's signals stand, once; what a (gateway, schema) carries never changes."""
        plans = self._plans.setdefault(who, {})
        if (plan := plans.get(order)) is not None:
            return plan
        if len(plans) >= _ORDERS_MAX:
            plans.clear()
        newest: dict[str, tuple[int, int]] = {}
        watts: dict[str, Column] = {}
        for number, use in enumerate(order):
            for key, at in self._columns.devices(*use).get(who[1], {}).items():
                newest[key] = number, at
                if (column := self._columns.column(use[1], at)).unit == "W":
                    watts[key] = column
        power = power_columns(watts)
        counted: list[list[int]] = [[] for _ in order]
        told = {}
        for key in sorted(newest):
            number, at = newest[key]
            counted[number].append(at)
            column = self._columns.column(order[number][1], at)
            if key in power or is_telling(key, column.unit):
                told[key] = number, at, column
        plans[order] = plan = _Plan(counted, told, power)
        return plan
