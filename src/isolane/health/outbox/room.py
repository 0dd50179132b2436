"""This file says what a full outbox drops; it guards that neither the whole nor a lane grows beyond its bound.

Alarms and receipts are never dropped. Of the others the oldest goes first, what is in flight after all else. What each
lane holds is counted by the database itself, block by block, so asking costs a page and never a look at the blocks.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from isolane.health.outbox.lanes import DROPPED_FIRST, Lane
from isolane.health.outbox.records import Key

LANE_FULL = "lane-full"
"""Reason of a block that was dropped for the bound of its own lane."""
LOST = "SELECT id, epoch, stream, sequence, samples, thinned, from_ms, to_ms, size FROM blocks"

Row = tuple[int, ...]
"""A block as LOST gives it."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How large the outbox may be.

    Attributes:
        bytes_max: All lanes together.
        reason: Why no larger.
        by_lane: Lanes that have a bound of their own, and it, bytes.
    """

    bytes_max: int
    reason: str
    by_lane: Mapping[Lane, int]


@dataclass(frozen=True, slots=True)
class Plan:
    """What has to go for a block, each with the reason, or why that would not help."""

    victims: Sequence[tuple[Row, str]] = ()
    refusal: str = ""


def plan(file: sqlite3.Connection, lane: Lane, size: int, bounds: Bounds, held: frozenset[Key]) -> Plan:
    """Find room for a block of a lane and a size in bytes; `held` are the keys in flight."""
    sizes = _sizes(file)
    over = sizes[lane] + size - bounds.by_lane[lane] if lane in bounds.by_lane else 0
    own = _oldest(file, (lane,), over, held)
    if own is None:
        return Plan(refusal=LANE_FULL)
    over = sum(sizes.values()) + size - sum(row[8] for row in own) - bounds.bytes_max
    others = _oldest(file, DROPPED_FIRST, over, held, frozenset(row[0] for row in own))
    if others is None:
        return Plan(refusal=bounds.reason)
    return Plan([*((row, LANE_FULL) for row in own), *((row, bounds.reason) for row in others)])


def beyond(file: sqlite3.Connection, by_lane: Mapping[Lane, int], held: frozenset[Key]) -> list[Row]:
    """Give the blocks by which lanes exceed their own bounds."""
    sizes = _sizes(file) if by_lane else {}
    found = (_oldest(file, (lane,), sizes[lane] - own, held) for lane, own in by_lane.items())
    return [row for rows in found for row in rows or ()]


def _sizes(file: sqlite3.Connection) -> dict[int, int]:
    return dict(file.execute("SELECT lane, bytes FROM occupancy").fetchall())


def _oldest(
    file: sqlite3.Connection, lanes: Sequence[Lane], over: int, held: frozenset[Key], but: frozenset[int] = frozenset()
) -> list[Row] | None:
    """Give the oldest of the first lane, then of the next, that free `over` bytes; None if all do not."""
    victims: list[Row] = []
    for is_free in (True, False):
        for row in chain.from_iterable(file.execute(LOST + " WHERE lane = ? ORDER BY id", (lane,)) for lane in lanes):
            if over <= 0:
                return victims
            if row[0] not in but and (row[1:4] not in held) is is_free:
                victims.append(row)
                over -= row[8]
    return victims if over <= 0 else None
