"""This file chooses the step of a chart; it guards that steps lie on a UTC grid that rollups share."""

from bisect import bisect_left

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
_DAY_MS = 24 * HOUR_MS

LADDER_MS = (
    *(1, 2, 5, 10, 20, 50, 100, 200, 500),
    *(seconds * 1000 for seconds in (1, 2, 5, 10, 15, 30)),
    *(minutes * MINUTE_MS for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * HOUR_MS for hours in (1, 2, 3, 6, 12)),
    *(days * _DAY_MS for days in (1, 2, 7)),
)
"""From a minute on every step is a multiple of a minute, from an hour on of an hour, so that rollups add up to it."""


def choose_step_ms(span_ms: int, points: int, interval_ms: int) -> int:
    """Give the smallest step that gives at most `points` points over a span.

    Args:
        span_ms: Length of the chart, ms, at least 1.
        points: How many points are wanted at most, at least 1; alignment to the grid can add one.
        interval_ms: From sample to sample, ms; the step is not below it. 0 when unknown.
    """
    wanted = max(-(-span_ms // points), interval_ms, 1)
    at = bisect_left(LADDER_MS, wanted)
    return LADDER_MS[at] if at < len(LADDER_MS) else -(-wanted // _DAY_MS) * _DAY_MS


def align(from_ms: int, to_ms: int, step_ms: int) -> tuple[int, int]:
    """Widen a span to whole steps of the UTC grid."""
    return from_ms // step_ms * step_ms, -(-to_ms // step_ms) * step_ms
