"""This file asks what people ask, several times; it guards that the answer holds what was asked for."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import median

from isolane.center.store.port import Telemetry
from isolane.center.store.views import SeriesQuery

TIMES = 9


@dataclass(frozen=True)
class Took:
    """How long a question took, ms: the first time, the median and the worst of the others.

    Attributes:
        what: The question.
        first_ms: When nothing was in memory yet.
        median_ms: Of the others.
        worst_ms: Of the others.
        found: Points or chargers in the answer.
    """

    what: str
    first_ms: float
    median_ms: float
    worst_ms: float
    found: int


async def timed(what: str, ask: Callable[[], Awaitable[int]]) -> Took:
    """Ask several times.

    Args:
        what: The question.
        ask: Asks, and says how much there was in the answer.

    Raises:
        SystemExit: There was nothing in it.
    """
    took = []
    for _ in range(TIMES + 1):
        begun = time.perf_counter()
        found = await ask()
        took.append((time.perf_counter() - begun) * 1000)
        if not found:
            raise SystemExit(f"center: nothing was found for {what}")
    return Took(what, took[0], median(took[1:]), max(took[1:]), found)


async def charted(telemetry: Telemetry, what: str, query: SeriesQuery) -> Took:
    """Ask for a chart."""

    async def ask() -> int:
        answer = await telemetry.series(query)
        return min(sum(value is not None for value in series.mean) for series in answer.signals)

    return await timed(what, ask)
