"""This file holds the last row of every stream and an hour of power; it guards that no older row replaces a newer.

It lives in memory, on the event loop's thread: one row per (gateway, schema), and per schema a ring of 60 one-minute
means of each charger's power.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from isolane.center.store.partials import reason_name
from isolane.center.store.scaling import sample_of, scaled
from isolane.center.store.steps import MINUTE_MS
from isolane.center.store.summary import power_columns, power_rank
from isolane.center.store.views import SignalNow
from isolane.core.samples import Quality
from isolane.wire.block import I64, U8, Block
from isolane.wire.schema import Column, Schema

RING_MINUTES: Final = 60
_WORDS: Final = {
    quality | reason << 2: (quality.name.lower(), reason_name(reason)) for quality in Quality for reason in range(64)
}
"""Quality and reason of each code."""


@dataclass(slots=True)
class LastRow:
    """The newest row of one (gateway, schema)."""

    t_ms: int
    values: I64
    codes: U8


class PowerRing:
    """Means of the power of each device of a schema, a minute each, over the last hour.

    Args:
        schema: Columns.
        devices: Columns by device and key.
    """

    def __init__(self, schema: Schema, devices: dict[str, dict[str, int]]) -> None:
        picked = []
        self._rank: dict[str, int] = {}
        for device, columns in devices.items():
            keys = power_columns({key: schema.columns[at] for key, at in columns.items()})
            self._rank[device] = power_rank(keys)
            if keys:
                picked.append((device, [columns[key] for key in keys]))
        self._row = {device: row for row, (device, _) in enumerate(picked)}
        self._columns = np.array([at for _, columns in picked for at in columns], np.intp)
        self._starts = np.cumsum([0, *(len(columns) for _, columns in picked)])[:-1].astype(np.intp)
        self._scale = np.array([schema.columns[at].resolution for at in self._columns])[:, None]
        self._minute: I64 = np.full(RING_MINUTES, -1, np.int64)
        self._total: NDArray[np.float64] = np.zeros((RING_MINUTES, len(picked)))
        self._count: I64 = np.zeros((RING_MINUTES, len(picked)), np.int64)
        self._shown: list[list[float | None]] = []
        self._shown_at = -1

    def rank(self, device: str) -> int:
        """Give how well a device's power is known here, as `power_rank` does."""
        return self._rank.get(device, power_rank(()))

    def add(self, block: Block) -> None:
        """Count a block's rows in."""
        if not self._row:
            return
        self._shown_at = -1
        told, codes = scaled(block.values[self._columns], block.codes[self._columns], self._scale)
        has = (codes & 3) != Quality.BAD
        power = np.add.reduceat(told, self._starts)
        known = np.logical_or.reduceat(has, self._starts)
        minutes = (block.t0_ms + np.arange(power.shape[1]) * block.step_ms) // MINUTE_MS
        edges = np.concatenate([[0], np.flatnonzero(np.diff(minutes)) + 1, [minutes.size]])[-RING_MINUTES - 1 :]
        for first, last in pairwise(edges):
            minute = int(minutes[first])
            slot = minute % RING_MINUTES
            if minute < self._minute[slot]:
                continue
            if minute > self._minute[slot]:
                self._minute[slot], self._total[slot], self._count[slot] = minute, 0.0, 0
            self._total[slot] += power[:, first:last].sum(axis=1)
            self._count[slot] += known[:, first:last].sum(axis=1)

    def means(self, device: str, now_ms: int) -> list[float | None]:
        """Give a device's last 60 minutes, oldest first; None where no value is."""
        row = self._row.get(device)
        if row is None:
            return []
        newest = now_ms // MINUTE_MS
        if self._shown_at != newest:
            self._shown_at, self._shown = newest, self._means(newest)
        return self._shown[row]

    def _means(self, newest: int) -> list[list[float | None]]:
        """Give every device's last 60 minutes."""
        minutes = np.arange(newest - RING_MINUTES + 1, newest + 1)
        slots = minutes % RING_MINUTES
        count = np.where((self._minute[slots] == minutes)[:, None], self._count[slots], 0)
        means = np.round(self._total[slots] / np.maximum(count, 1), 1)
        pairs = zip(means.T.tolist(), count.T.tolist(), strict=True)
        return [[mean if has else None for mean, has in zip(*pair, strict=True)] for pair in pairs]


def signal_now(key: str, column: Column, at: int, row: LastRow | None) -> SignalNow:
    """Put one column of a last row into words; a signal that never came is BAD, never_read, at time 0."""
    if row is None:
        return SignalNow(key, column.unit, column.resolution, 0, None, "bad", "never_read")
    value, quality, reason = sample(int(row.values[at]), int(row.codes[at]), column.resolution)
    return SignalNow(key, column.unit, column.resolution, row.t_ms, value, quality, reason)


def sample(told: int, code: int, resolution: float) -> tuple[float | None, str, str]:
    """Put one sample, a scaled integer or a bit pattern, into words: value in the unit or None, quality, reason."""
    value, code = sample_of(told, code, resolution)
    return value, *_WORDS[code]
