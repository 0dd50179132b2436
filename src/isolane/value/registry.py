"""This file counts.

It guards that counting costs the hot path an addition to a plain int, and nothing at scrape time but a walk.

What a living connection has counted stays with it until it ends, so the totals are those of the ended ones plus a sum.
"""

import asyncio
from collections import Counter
from typing import Protocol

from isolane.value.connection_lines import ConnectionLines
from isolane.wire.tap_copy import Direction

_LATENCY_BOUNDS_S = (5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 5e-3, 2e-2, 1e-1)
"""From the time one write takes up to a garbage collection gone wrong."""
_NS_PER_S = 1_000_000_000


class Counted(Protocol):
    """A living connection, as the registry sees it."""

    number: int
    charger: str

    @property
    def peer(self) -> str:
        """Give the charger's IP address, "" where it is not known any more."""
        ...

    @property
    def silent(self) -> bool:
        """Tell whether the charger has sent nothing since it was last asked."""
        ...

    async def is_answered(self, wait_s: float) -> bool:
        """Ask the charger whether it is there; tell whether a byte came within `wait_s`."""
        ...

    def give_way(self) -> None:
        """End both legs: a newcomer has the identity now."""

    def traffic(self, direction: Direction) -> tuple[int, int]:
        """Give frames and bytes that went in a direction so far."""
        ...

    def go_away(self) -> None:
        """Tell both ends 1001 at the next frame boundary, then end."""

    def look(self, now_s: float) -> None:
        """End both legs where a message is overdue; see assembly.py."""

    def end_now(self) -> None:
        """End both legs at once."""


class Histogram:
    """Counts of seconds per bucket; `buckets` are not cumulative, the last has no bound."""

    __slots__ = ("bounds", "buckets", "sum_s")

    def __init__(self, bounds: tuple[float, ...] = _LATENCY_BOUNDS_S) -> None:
        self.bounds = bounds
        self.buckets = [0] * (len(bounds) + 1)
        self.sum_s = 0.0

    def add_ns(self, ns: int) -> None:
        """Count one duration."""
        seconds = ns / _NS_PER_S
        self.sum_s += seconds
        for index, bound in enumerate(self.bounds):
            if seconds <= bound:
                self.buckets[index] += 1
                return
        self.buckets[-1] += 1


class Registry:
    """The living connections and everything the relay has counted.

    Attributes:
        living: Connections by number.
        holders: Connections by identity; one that has begun to end is not among them.
        handshakes: By result.
        closes: By leg that ended first and close code (or "eof", "reset").
        limit_closes: By limit.
        holds: Waits for a CSMS that was away, by how they ended.
        waits: Times that a charger was not read because it was too fast.
        probes: Questions to chargers whether they are there.
        empty: Set while no connection lives.
        lines: What the log is told of connections.
        added: From the moment a read is handed over to the moment it is written, sampled.
    """

    def __init__(self) -> None:
        self.living: dict[int, Counted] = {}
        self.holders: dict[str, Counted] = {}
        self.empty = asyncio.Event()
        self.empty.set()
        self.handshakes: Counter[str] = Counter()
        self.closes: Counter[tuple[str, str]] = Counter()
        self.limit_closes: Counter[str] = Counter()
        self.holds: Counter[str] = Counter()
        self.waits = 0
        self.probes = 0
        self.added = Histogram()
        self.lines = ConnectionLines()
        self._frames = [0, 0]
        self._bytes = [0, 0]
        self._last = 0

    def next_number(self) -> int:
        """Give a connection number that this process has not used."""
        self._last += 1
        return self._last

    def add(self, connection: Counted) -> None:
        """Take a new connection in."""
        self.living[connection.number] = connection
        self.holders[connection.charger] = connection
        self.empty.clear()

    def release(self, connection: Counted) -> None:
        """Free a connection's identity. Calling it again does nothing."""
        if self.holders.get(connection.charger) is connection:
            del self.holders[connection.charger]

    def forget(self, connection: Counted) -> None:
        """Keep an ended connection's counts and drop it. Calling it again does nothing."""
        if self.living.pop(connection.number, None) is None:
            return
        self.release(connection)
        for direction in Direction:
            frames, size = connection.traffic(direction)
            self._frames[direction] += frames
            self._bytes[direction] += size
        if not self.living:
            self.empty.set()

    def traffic(self, direction: Direction) -> tuple[int, int]:
        """Give frames and bytes that went in a direction since the start."""
        frames, size = self._frames[direction], self._bytes[direction]
        for connection in self.living.values():
            more_frames, more_bytes = connection.traffic(direction)
            frames += more_frames
            size += more_bytes
        return frames, size
