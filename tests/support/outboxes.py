"""This file makes outboxes, rows and clocks for tests; it guards that a clock moves only when its test says so."""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from isolane.core.signals import Signal
from isolane.health.outbox.lanes import Lane
from isolane.health.outbox.records import Draft, Tally
from isolane.health.outbox.settings import LaneSettings, OutboxSettings
from isolane.wire.block import gateway_tag
from isolane.wire.schema import Schema

SITE, GATEWAY = "north", "gw-1"
TAG = gateway_tag(SITE, GATEWAY)
SCHEMA = Schema.of(
    (
        Signal("CP-1", "1.0/ElectricalFeed/ACVoltage[L1]", "V", 0.1),
        Signal("CP-1", "1.0/ElectricalFeed/ACCurrent[L1]", "A", 0.001),
    )
)
FAST = Schema.of(
    (
        Signal("CP-1", "1.0/ElectricalFeed/DCVoltage", "V", 0.1),
        Signal("CP-1", "1.0/ElectricalFeed/DCCurrent", "A", 0.001),
    )
)
"""Of a stream of its own, faster than the site's."""
DEADLINE_S = 60.0
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Where files go that need no disk: a flush costs nothing there."""


class ManualClock:
    """Both clocks, moved by hand."""

    def __init__(self, utc_ms: int = 1_700_000_000_000) -> None:
        self.utc_ms = utc_ms
        self.mono_ms = 1_000_000

    def mono_ns(self) -> int:
        return self.mono_ms * 1_000_000

    def utc_ns(self) -> int:
        return self.utc_ms * 1_000_000

    def pass_s(self, seconds: float) -> None:
        """Let time pass on both."""
        self.mono_ms += int(seconds * 1000)
        self.utc_ms += int(seconds * 1000)


def draft(number: int, rows: int = 5, *, noise: int = 0, thinned: int = 0, stream: int = 0) -> Draft:
    """Make a block of rows; `noise` > 0 makes it that incompressible, in bits; it stands for `thinned` samples more.

    Of stream 0 the schema is SCHEMA, of any other FAST.
    """
    random = np.random.default_rng(number)
    values = np.arange(2 * rows, dtype=np.int64).reshape(2, rows) + number
    if noise:
        values = random.integers(-(2**noise), 2**noise, (2, rows))
    codes = np.zeros((2, rows), np.uint8)
    schema, step_ms = (FAST, 100) if stream else (SCHEMA, 1000)
    t0_ms = 1_700_000_000_000 + number * step_ms * rows
    return Draft(schema.id, t0_ms, step_ms, values, codes, thinned, stream=stream)


def settings(
    path: Path,
    *,
    bytes_max: int = 1 << 20,
    age_max_s: int = 3600,
    reserve_bytes: int = 0,
    lanes: LaneSettings = LaneSettings(),  # noqa: B008 - a frozen table
) -> OutboxSettings:
    """Make an outbox table."""
    return OutboxSettings(path=path, bytes_max=bytes_max, age_max_s=age_max_s, reserve_bytes=reserve_bytes, lanes=lanes)


def is_balanced(tally: Tally) -> bool:
    """Tell whether produced = acknowledged + queued + thinned + dropped."""
    return tally.produced == tally.acknowledged + tally.queued + tally.thinned + sum(tally.dropped.values())


def accounted(path: Path) -> dict[int, tuple[set[int], set[int], int]]:
    """Read a closed outbox: for each epoch the queued numbers, those in gap records, and the last one."""
    file = sqlite3.connect(path)
    try:
        found: dict[int, tuple[set[int], set[int], int]] = {
            epoch: (set(), set(), last) for epoch, last in file.execute("SELECT epoch, last_sequence FROM books")
        }
        for epoch, sequence in file.execute("SELECT epoch, sequence FROM blocks"):
            found[epoch][0].add(sequence)
        for epoch, first, last in file.execute("SELECT epoch, first, last FROM gaps"):
            found[epoch][1].update(range(first, last + 1))
        return found
    finally:
        file.close()


def weighed(file: sqlite3.Connection) -> dict[Lane, int]:
    """Add up what the blocks of each lane weigh, block by block."""
    found = dict(file.execute("SELECT lane, sum(size) FROM blocks GROUP BY lane"))
    return {lane: found.get(lane, 0) for lane in Lane}


async def until(condition: Callable[[], bool], why: str = "", deadline_s: float = DEADLINE_S) -> None:
    """Wait until a condition holds; fail with `why` if it does not in time."""
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, f"not in {deadline_s} s: {why or condition}"
        await asyncio.sleep(0.005)
