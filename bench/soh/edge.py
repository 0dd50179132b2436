"""This file measures what the models cost a gateway; it guards that rows come as they do there, as many at a time.

Five different simulated chargers, copied to fifty, through two busy hours of the day. Only the processor time of the
models is counted, and the memory that the process has gained by them.
"""

import re
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from isolane.core.signals import Signal
from isolane.health.models.rounds import BATCH_ROWS
from isolane.health.models.settings import ModelSettings
from isolane.health.models.stage import Stage
from isolane.sim.years.plan import Charger, Plan
from isolane.sim.years.year import Year

CHARGERS = 50
_KINDS = 5
_FROM_S, _SPAN_S = 4 * 3600, 2 * 3600
_PAGE = Path(__file__).parents[2] / "docs/reference/blackbox.md"
_RING = re.compile(r"under ([0-9.]+) MB of memory")


@dataclass(frozen=True, slots=True)
class Edge:
    """What fifty chargers cost.

    Attributes:
        signals: Of all.
        cpu_ms: Of one core, for each second of rows.
        worst_ms: For the dearest batch, at once.
        models_mb: Memory that models and their rows take.
        ring_mb: Memory of the black box's ring, as its page tells it; None if that does not.
        span_s: Seconds of rows that were shown.
    """

    signals: int
    cpu_ms: float
    worst_ms: float
    models_mb: float
    ring_mb: float | None
    span_s: int


def measure(span_s: int = _SPAN_S) -> Edge:
    """Show fifty chargers' rows to their models.

    Args:
        span_s: How many seconds of them.
    """
    signals, day = _site()
    rows = np.empty((BATCH_ROWS, len(signals)))
    width = day.shape[1]
    before_mb = _resident_mb()
    stage = Stage(signals, ModelSettings())
    spent: list[float] = []
    for at in range(_FROM_S, _FROM_S + span_s, BATCH_ROWS):
        for copy in range(CHARGERS // _KINDS):
            rows[:, copy * width : (copy + 1) * width] = day[at : at + BATCH_ROWS]
        begun = time.process_time()
        stage.feed(1_767_587_400 + at, rows)
        spent.append(time.process_time() - begun)
    gained_mb = _resident_mb() - before_mb
    assert not stage.failed
    return Edge(len(signals), 1000 * sum(spent) / span_s, 1000 * max(spent), gained_mb, ring_mb(_PAGE), span_s)


def ring_mb(page: Path) -> float | None:
    """Read the ring's memory from its page; None if it does not tell it."""
    found = _RING.search(page.read_text(encoding="utf-8")) if page.exists() else None
    return float(found[1]) if found else None


def _site() -> tuple[list[Signal], np.ndarray[tuple[int, int], np.dtype[np.float32]]]:
    chargers = tuple(Charger(id=f"CP-{number}", sessions_per_day=12) for number in range(_KINDS))
    chunks = list(Year(Plan(seed=11, chargers=chargers, days=1)).chunks())
    day = np.column_stack([chunk.signals[key].astype(np.float32) for chunk in chunks for key in chunk.signals])
    keys = [(chunk.charger, key) for chunk in chunks for key in chunk.signals]
    signals = [
        Signal(f"{charger}-{copy}", key, "", 0) for copy in range(CHARGERS // _KINDS) for charger, key in keys
    ]  # fmt: skip
    return signals, day


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6
