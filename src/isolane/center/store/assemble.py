"""This file turns folded steps into what a chart draws; it guards that a line never crosses a time without values.

Gaps come from three places: steps without a value (reasons of their BAD samples), times without samples ("absent", or
the reason of the gateway's gap record), and gap records at the edges of the span.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from isolane.center.store.partials import Partials, reason_names, rung_names
from isolane.center.store.scaling import rounded
from isolane.center.store.views import GapRange, SignalSeries, ThinnedRange

MEAN_DIGITS = 2
"""Digits that a mean shows beyond its signal's resolution."""


def assemble(
    series: SignalSeries,
    steps: Partials,
    *,
    span: tuple[int, int],
    step_ms: int,
    records: Sequence[GapRange],
) -> SignalSeries:
    """Fill a signal's empty series.

    Args:
        series: Signal, unit and resolution; its lists are filled and it is returned.
        steps: Folded steps within the span, ascending.
        span: First instant and first instant after, ms, on the grid.
        step_ms: Step of the chart.
        records: Gap records of the signal's streams, with their reasons.
    """
    start = steps.bucket * step_ms
    # A step as long as the samples' interval always holds one; below it, neighbours are an interval and a step
    # apart at most.
    interval_ms = np.maximum(steps.interval_ms[1:], steps.interval_ms[:-1])
    reach = np.where(interval_ms <= step_ms, step_ms, interval_ms + step_ms)
    after_hole = np.flatnonzero(np.diff(start) > reach) + 1
    holes = [(int(start[at - 1]) + step_ms, int(start[at])) for at in after_hole]
    _fill_points(series, steps, start, after_hole, step_ms)
    series.thinned.extend(_thinned_runs(series, steps, start, after_hole, step_ms))
    clipped = _clipped(records, *span)
    series.gaps.extend(
        sorted(
            [*_bad_runs(steps, start, step_ms), *clipped, *_unexplained(holes, clipped)],
            key=lambda gap: (gap.from_ms, gap.to_ms),
        )
    )
    return series


def _fill_points(
    series: SignalSeries, steps: Partials, start: np.ndarray, after_hole: np.ndarray, step_ms: int
) -> None:
    count = steps.good + steps.stale
    held = count > 0
    mean = np.divide(steps.total, count, out=np.zeros(len(steps)), where=held)
    # A break stands at the first missing step, before the step that follows the hole.
    series.t_ms.extend(np.insert(start, after_hole, start[after_hole - 1] + step_ms).tolist())
    for target, values, finer in (
        (series.mean, mean, MEAN_DIGITS),
        (series.min, steps.low, 0),
        (series.max, steps.high, 0),
    ):
        shown = rounded(np.where(held, values, 0.0), series.resolution, finer)
        broken = np.insert(shown, after_hole, 0.0).tolist()
        here = np.insert(held & np.isfinite(shown), after_hole, values=False).tolist()
        target.extend(value if has else None for value, has in zip(broken, here, strict=True))
    for counts, numbers in ((series.good, steps.good), (series.stale, steps.stale), (series.bad, steps.bad)):
        counts.extend(np.insert(numbers, after_hole, 0).tolist())


def _bad_runs(steps: Partials, start: np.ndarray, step_ms: int) -> Iterator[GapRange]:
    """Give runs of neighbouring steps that hold BAD samples for the same reasons."""
    bad = np.flatnonzero(steps.bad)
    if not bad.size:
        return
    reasons = steps.reasons[bad]
    same = (start[bad[1:]] == start[bad[:-1]] + step_ms) & (reasons[1:] == reasons[:-1])
    edges = np.flatnonzero(~same) + 1
    for first, last in zip([0, *edges], [*edges, bad.size], strict=True):
        begin, end = int(start[bad[first]]), int(start[bad[last - 1]]) + step_ms
        yield GapRange(begin, end, reason_names(int(reasons[first])))


def _thinned_runs(
    series: SignalSeries, steps: Partials, start: np.ndarray, after_hole: np.ndarray, step_ms: int
) -> Iterator[ThinnedRange]:
    """Give runs of steps without a hole that were thinned in one way."""
    thinned = np.flatnonzero(steps.rungs)
    if not thinned.size:
        return
    rungs, bound = steps.rungs[thinned], steps.bound[thinned]
    begins = np.isin(thinned[1:], after_hole) | (thinned[1:] != thinned[:-1] + 1)
    edges = np.flatnonzero(begins | (rungs[1:] != rungs[:-1]) | (bound[1:] != bound[:-1])) + 1
    for first, last in zip([0, *edges], [*edges, thinned.size], strict=True):
        end = thinned[last - 1]
        until = int(start[end]) + max(step_ms, int(steps.interval_ms[end]))
        if end + 1 < start.size:
            until = min(until, int(start[end + 1]))
        shown = float(rounded(bound[first], series.resolution))
        yield ThinnedRange(int(start[thinned[first]]), until, rung_names(int(rungs[first])), shown)


def _clipped(records: Sequence[GapRange], from_ms: int, to_ms: int) -> list[GapRange]:
    return [
        GapRange(max(record.from_ms, from_ms), min(record.to_ms, to_ms), record.reasons)
        for record in records
        if record.from_ms < to_ms and record.to_ms > from_ms
    ]


def _unexplained(holes: list[tuple[int, int]], records: Sequence[GapRange]) -> Iterator[GapRange]:
    """Give the holes that no gap record touches."""
    for begin, end in holes:
        if not any(record.from_ms < end and record.to_ms > begin for record in records):
            yield GapRange(begin, end, ["absent"])
