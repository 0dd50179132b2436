"""This file says what is measured; it guards that rows, loads and links have one name each, everywhere."""

from dataclasses import dataclass
from typing import Final

OFF, SINGLE, LOOSE, PRODUCT = "A alone", "single channel", "two channels, no control", "isolane"
"""SINGLE: the chargers push telemetry in their own WebSocket. LOOSE: isolane with its budget out of force."""
ROWS: Final = (SINGLE, LOOSE, PRODUCT)
STEADY, OVERLOAD, BACKFILL, DISK, CPU = "steady", "overload", "backfill", "disk-full", "cpu"
LOADS: Final = {
    STEADY: "500 signals at 1 Hz",
    OVERLOAD: "500 signals at 10 Hz",
    BACKFILL: "1 Hz, and what an outage has left in the outbox",
    DISK: "1 Hz, the outbox on a full disk",
    CPU: "1 Hz, and four processes of B that burn the CPU",
}
LINKS_KBPS: Final = (256, 1000, 10_000)
DELAY_S: Final = 0.04
"""One way."""
QUEUE_S: Final = 2.0
"""Of the modem, in each direction."""


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        links_kbps: Links, all at the same time, each with a site of its own.
        loads: One after the other.
        rows: Take turns with A alone.
        rounds: Turns of each row.
        block_s: Of a turn, s that are measured.
        settle_s: B runs so long before the first turn, s: it says its schema and books once in a session.
        outage_h: What waits in the outbox under the load `backfill`, h.
    """

    links_kbps: tuple[int, ...]
    loads: tuple[str, ...]
    rows: tuple[str, ...]
    rounds: int
    block_s: float
    settle_s: float
    outage_h: float

    def rows_of(self, load: str) -> tuple[str, ...]:
        """Give the rows that a load says something about: a single channel has no outbox and no process of its own."""
        without = {DISK: {SINGLE, LOOSE}, CPU: {SINGLE}}.get(load, set())
        return tuple(row for row in self.rows if row not in without)


WHOLE = Plan(LINKS_KBPS, tuple(LOADS), ROWS, 4, 15.5, 5.0, 72.0)
QUICK = Plan((1000,), (BACKFILL,), ROWS, 1, 5.0, 2.0, 2.0)


def limit(load: str, kbps: int) -> float | None:
    """Give the largest ratio of 99th percentiles that isolane may have; None where only losses count."""
    if load == STEADY:
        return 1.05
    if load == DISK:
        return None
    if load == CPU:
        return 1.10
    return 1.30 if kbps < 1000 else 1.10
