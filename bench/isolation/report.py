"""This file turns times into ratios and a verdict; it guards that a message is compared with itself in A alone's turn.

A block and its counterpart of A alone have one schedule: the same messages at the same moments. The interval of a ratio
comes from drawing messages with their counterparts, 1,000 times, so that what both met is no noise.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from bench.isolation.chargers import LOST_S
from bench.isolation.ocpp import KINDS
from bench.isolation.plan import OFF, PRODUCT, limit
from numpy.typing import NDArray

_DRAWS = 1000
_TAIL = 0.99
Times = list[tuple[str, float | None]]


@dataclass(frozen=True)
class Key:
    """One cell."""

    kbps: int
    load: str
    row: str


@dataclass
class Cell:
    """What was measured in a cell: blocks in the order of their rounds.

    Attributes:
        blocks: Times of each block.
        up_kbit: What the uplink has carried in all, kbit, block by block.
        up_s: In which time, s, block by block.
        dropped: Packets the modem has dropped.
        samples: Samples that have come to the center.
    """

    blocks: list[Times] = field(default_factory=list)
    up_kbit: list[float] = field(default_factory=list)
    up_s: list[float] = field(default_factory=list)
    dropped: int = 0
    samples: int = 0


@dataclass(frozen=True)
class Kind:
    """One kind of message in a cell."""

    p50_ms: float
    p99_ms: float
    count: int
    lost: int


@dataclass(frozen=True)
class Row:
    """A cell as it is shown.

    Attributes:
        kbps: Link.
        load: Load.
        row: Row.
        kinds: Figures of each kind of message.
        p50_ms: Of both kinds together.
        p99_ms: Of both kinds together.
        lost: Of both kinds together.
        ratio: Of the 99th percentile to A alone's in the same turns; None for A alone.
        low: Where its 90 % interval begins.
        high: Where it ends.
        up_kbps: What the uplink has carried.
        telemetry_kbps: What of it was telemetry: what A alone's same messages did not need; None for A alone.
        dropped: Packets the modem has dropped.
        samples: Telemetry samples that have come to the far end.
    """

    kbps: int
    load: str
    row: str
    kinds: dict[str, Kind]
    p50_ms: float
    p99_ms: float
    lost: int
    ratio: float | None
    low: float | None
    high: float | None
    up_kbps: float
    telemetry_kbps: float | None
    dropped: int
    samples: int

    @property
    def telemetry_share(self) -> float | None:
        """Share of the link that was telemetry's."""
        return None if self.telemetry_kbps is None else self.telemetry_kbps / self.kbps


def rows(cells: dict[Key, Cell]) -> list[Row]:
    """Give the rows in the order of the cells."""
    return [_row(key, cell, cells[Key(key.kbps, key.load, OFF)]) for key, cell in cells.items()]


def shortfalls(found: Sequence[Row], *, quick: bool) -> list[str]:
    """Say where the product misses a target.

    A whole run is judged by its figures; a quick one, which has too few samples for that, only by what is certain: the
    ratios whose whole interval is above the target.
    """
    missed = []
    for row in found:
        if row.row != PRODUCT:
            continue
        where = f"{row.load} at {row.kbps} kbit/s"
        if row.lost:
            missed.append(f"{where}: {row.lost} lost")
        most, ratio = limit(row.load, row.kbps), row.low if quick else row.ratio
        if most is not None and ratio is not None and ratio > most:
            missed.append(f"{where}: p99 x{row.ratio:.2f} > {most:.2f}")
    return missed


def ratio_interval(own: NDArray[np.float64], other: NDArray[np.float64]) -> tuple[float, float, float]:
    """Give the ratio of the 99th percentiles of paired times, and the ends of its 90 % interval."""
    drawn = np.random.default_rng(7).integers(len(own), size=(_DRAWS, len(own)))
    ratios = np.sort(_tail(own[drawn]) / _tail(other[drawn]))
    ratio = float(_tail(own[None, :])[0] / _tail(other[None, :])[0])
    return ratio, float(ratios[_DRAWS // 20]), float(ratios[-_DRAWS // 20])


def _row(key: Key, cell: Cell, alone: Cell) -> Row:
    times = [each for block in cell.blocks for each in block]
    seconds = _seconds(times)
    ratio: tuple[float | None, float | None, float | None] = (None, None, None)
    if key.row != OFF:
        ratio = ratio_interval(seconds, _seconds([each for block in alone.blocks for each in block]))
    by: defaultdict[str, Times] = defaultdict(list)
    for each in times:
        by[each[0]].append(each)
    kinds = {kind: Kind(*_figures(by[kind]), len(by[kind]), _lost(by[kind])) for kind in KINDS}
    telemetry = None if key.row == OFF else (sum(cell.up_kbit) - sum(alone.up_kbit)) / sum(cell.up_s)
    up = sum(cell.up_kbit) / sum(cell.up_s), telemetry
    return Row(
        key.kbps, key.load, key.row, kinds, *_figures(times), _lost(times), *ratio, *up, cell.dropped, cell.samples
    )


def _figures(times: Times) -> tuple[float, float]:
    seconds = _seconds(times)
    return 1000 * float(np.median(seconds)), 1000 * float(_tail(seconds[None, :])[0])


def _seconds(times: Times) -> NDArray[np.float64]:
    """Give the times, a lost message at the time after which it was given up."""
    return np.array([LOST_S if took_s is None else took_s for _, took_s in times])


def _lost(times: Times) -> int:
    return sum(took_s is None for _, took_s in times)


def _tail(times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the 99th percentile of each line: the smallest time that 99 % do not exceed."""
    place = int(np.ceil(_TAIL * times.shape[1])) - 1
    found: NDArray[np.float64] = np.partition(times, place, axis=1)[:, place]
    return found
