"""This file reads a day of a charger out of the store; it guards that a minute in which anything changed is read again.

Operation: the day is read in steps of a minute. A minute in which a state has one value only, and whose samples are all
GOOD, is known. Minutes that hold more than that are read again by the second, neighbours together. Only GOOD samples
count: a held value is not known. What was read is laid on a grid of seconds; a sample holds until the next one,
unless the store says that there is a gap between them.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from isolane.center.kpis.ports import LINK, STATION, Port, ports_of
from isolane.center.kpis.timeline import DAY_MS, DAY_S, FLOW_W_MIN, UNKNOWN, Run, Tracks, runs_of
from isolane.center.store.views import Series, SeriesQuery, SignalNow, SignalSeries

MINUTE_S: Final = 60
_PAD_MS: Final = 120_000
"""Read before and after what is wanted, so that a sample which holds into it, or is ended by the next, is seen."""
_TOGETHER_MINUTES: Final = 120
"""Minutes to be read again that are so near are read in one question: asking costs as much as an hour of samples."""

F64 = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Samples(Protocol):
    """The part of the telemetry store that is needed here; see `store.port.Telemetry`."""

    async def series(self, query: SeriesQuery) -> Series:
        """See `Telemetry.series`."""
        ...

    async def signals(self, site: str, device: str) -> list[SignalNow]:
        """See `Telemetry.signals`."""
        ...


@dataclass(frozen=True, slots=True)
class PortDay:
    """What a day was at one port.

    Attributes:
        port: Its number.
        runs: The day, without a hole.
        delivered_wh: Energy while both the power and what the vehicle asked for were known.
        requested_wh: What the vehicle asked for in that time; 0 when nothing told it.
    """

    port: int
    runs: list[Run]
    delivered_wh: float
    requested_wh: float


@dataclass(slots=True)
class _Grid:
    """One signal over the day: value, NaN where nobody knows, and the minutes to be read again."""

    value: F64 = field(default_factory=lambda: np.full(DAY_S, np.nan))
    again: Mask = field(default_factory=lambda: np.zeros(DAY_S // MINUTE_S, np.bool_))


async def read_day(samples: Samples, site: str, charger: str, begin_ms: int, rated_w: float = 0.0) -> list[PortDay]:
    """Read what a charger's ports did in a day.

    Args:
        samples: The store.
        site: Site name.
        charger: Identity.
        begin_ms: First instant of the day, UTC.
        rated_w: What the charger can give at most; 0 when nobody has said.

    Raises:
        OSError: The store cannot be read.
    """
    keys = {signal.key for signal in await samples.signals(site, charger)}
    ports = ports_of(keys)
    wanted = tuple(dict.fromkeys([key for key in (LINK, STATION) if key in keys] + [k for p in ports for k in p.keys]))
    if not ports:
        return []
    energy = {key for port in ports for key in (port.power, port.requested)}
    grids = {key: _Grid() for key in wanted}
    span = (begin_ms, begin_ms + DAY_MS)
    coarse = await _read(samples, (site, charger), wanted, span, MINUTE_S)
    await asyncio.to_thread(_lay_all, grids, coarse, span, energy)
    again = np.logical_or.reduce([grid.again for grid in grids.values()])
    for first, last in _stretches(again):
        part = (begin_ms + first * MINUTE_S * 1000, begin_ms + last * MINUTE_S * 1000)
        fine = await _read(samples, (site, charger), wanted, part, 1)
        await asyncio.to_thread(_lay_all, grids, fine, part, energy, first * MINUTE_S)
    return await asyncio.to_thread(lambda: [_port_day(port, grids, begin_ms, rated_w) for port in ports])


async def _read(
    samples: Samples, who: tuple[str, str], keys: tuple[str, ...], span: tuple[int, int], step_s: int
) -> Series:
    begin, end = span[0] - _PAD_MS, span[1] + _PAD_MS
    return await samples.series(SeriesQuery(*who, keys, begin, end, (end - begin) // (step_s * 1000)))


def _lay_all(
    grids: dict[str, _Grid], series: Series, span: tuple[int, int], energy: set[str], offset_s: int = 0
) -> None:
    """Lay all signals of an answer on their grids, in place of what was there."""
    for one in series.signals:
        grid = grids[one.signal]
        grid.value[offset_s : offset_s + (span[1] - span[0]) // 1000] = np.nan
        _lay(grid, one, series, span, is_power=one.signal in energy, offset_s=offset_s)


def _lay(
    grid: _Grid, one: SignalSeries, series: Series, span: tuple[int, int], *, is_power: bool, offset_s: int = 0
) -> None:
    """Lay a signal's points on the grid, from `offset_s` on.

    Args:
        grid: Its target; where points do not say enough, `again` is set.
        one: The points.
        series: They are of it.
        span: What is wanted of them, whole minutes, ms.
        is_power: A power is laid as its mean, a state as its value.
        offset_s: Place of the span's begin on the grid.
    """
    if not one.t_ms:
        return
    fine = series.step_ms < MINUTE_S * 1000
    size_s = (span[1] - span[0]) // 1000
    begin = np.array(one.t_ms, np.int64)
    edges = np.append(begin, begin[-1] + series.step_ms)
    at_s = np.clip((edges - span[0]) // 1000, 0, size_s)
    low, high, mean = (np.array(values, float) for values in (one.min, one.max, one.mean))
    has = (np.array(one.good) > 0) & ~np.isnan(mean)
    alone = has & (np.array(one.stale) == 0) & (np.array(one.bad) == 0)
    same = (low >= FLOW_W_MIN) == (high >= FLOW_W_MIN) if is_power else low == high
    known = has if fine else alone & same
    value = np.where(known, mean if is_power else _newest(low, high, has), np.nan)
    grid.value[offset_s + at_s[0] : offset_s + at_s[-1]] = np.repeat(value, np.diff(at_s))
    if not fine:
        for step in np.flatnonzero(has & ~known):
            grid.again[at_s[step] // MINUTE_S : -(-at_s[step + 1] // MINUTE_S)] = True
        _thin_again(grid, one, span[0], series.step_ms)


def _newest(low: F64, high: F64, has: Mask) -> F64:
    """Give the value of each step: of the two that a step may hold, the one that the step before did not have."""
    value = high.copy()
    for step in np.flatnonzero(has & (low != high)):
        if step and has[step - 1] and value[step - 1] == high[step]:
            value[step] = low[step]
    return value


def _thin_again(grid: _Grid, one: SignalSeries, begin_ms: int, step_ms: int) -> None:
    """Have minutes beside gaps, and those with fewer samples than is usual, read by the second: they may be half empty.

    Args:
        grid: Its target.
        one: The points, a step of a minute or longer.
        begin_ms: Begin of the day.
        step_ms: Of the points.
    """
    counts = np.array(one.good, np.int64) + np.array(one.stale) + np.array(one.bad)
    starts = np.array(one.t_ms, np.int64)
    if not counts.size:
        return
    usual = np.median(counts[counts > 0]) if counts.any() else 0
    thin = starts[(counts > 0) & (counts < usual)]
    holes = np.flatnonzero(counts == 0)
    beside = np.concatenate([starts[holes] - step_ms, starts[holes], starts[np.minimum(holes + 1, counts.size - 1)]])
    for t_ms in np.concatenate([thin, beside, starts[[0, -1]]]).tolist():
        minute = (t_ms - begin_ms) // (MINUTE_S * 1000)
        if 0 <= minute < grid.again.size:
            grid.again[minute] = True


def _stretches(again: Mask) -> list[tuple[int, int]]:
    """Give runs of minutes that are read again, those near each other as one: (first, last + 1)."""
    minutes = np.flatnonzero(again)
    if not minutes.size:
        return []
    cuts = np.flatnonzero(np.diff(minutes) > _TOGETHER_MINUTES)
    firsts, lasts = minutes[[0, *(cuts + 1)]], minutes[[*cuts, minutes.size - 1]]
    return [(int(first), int(last) + 1) for first, last in zip(firsts, lasts, strict=True)]


def _port_day(port: Port, grids: dict[str, _Grid], begin_ms: int, rated_w: float) -> PortDay:
    nothing = np.full(DAY_S, np.nan)
    power = grids[port.power].value if port.power else nothing
    link, state, station, transaction = (_states(grids, key) for key in (LINK, port.state, STATION, port.transaction))
    tracks = Tracks(link, state, station, transaction, power)
    requested = grids[port.requested].value if port.requested else nothing
    if rated_w:
        requested = np.minimum(requested, rated_w)
    both = ~np.isnan(power) & ~np.isnan(requested) & (requested >= FLOW_W_MIN)
    delivered_wh, requested_wh = (float(track[both].sum()) / 3600 for track in (power, requested))
    runs = runs_of(begin_ms, tracks)
    return PortDay(port.number, runs, round(delivered_wh, 3), round(requested_wh, 3))


def _states(grids: dict[str, _Grid], key: str) -> NDArray[np.int8]:
    if key not in grids:
        return np.full(DAY_S, UNKNOWN, np.int8)
    return np.nan_to_num(grids[key].value, nan=UNKNOWN).astype(np.int8)
