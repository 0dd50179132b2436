"""This file folds samples into steps and steps into series; it guards that any order of folding gives the same.

A partial is what a step knows of one signal: least, greatest, sum and counts by quality. Partials of the same step add
up, whether they come from hot blocks, from the lake or from its one-minute rollups.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isolane.center.store.scaling import scaled
from isolane.core.rungs import Rung
from isolane.core.samples import Quality, Reason

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]

_QUALITY_MASK = 3
_REASON_SHIFT = 2


@dataclass(frozen=True, slots=True)
class Partials:
    """Steps of one signal as parallel arrays, shape (n,).

    Attributes:
        bucket: t_ms // step_ms.
        low: Least value in the unit, +inf without one.
        high: Greatest value, -inf without one.
        total: Sum of the values.
        good: Samples of quality GOOD; with `stale` the samples that have a value.
        stale: Samples of quality STALE.
        bad: Samples of quality BAD.
        reasons: Bit n is set when a BAD sample has reason n.
        interval_ms: Greatest distance from sample to sample that the blocks state.
        rungs: Bit n is set when a block with some of the samples was thinned by `core.rungs.Rung` n.
        bound: Greatest error of a thinned sample, in the unit.
    """

    bucket: I64
    low: F64
    high: F64
    total: F64
    good: I64
    stale: I64
    bad: I64
    reasons: I64
    interval_ms: I64
    rungs: I64
    bound: F64

    def __len__(self) -> int:
        """Count the steps."""
        return int(self.bucket.size)


def fold(
    bucket: I64, interval_ms: I64, values: I64, codes: U8, resolution: float, *, thinned: tuple[I64, I64] | None = None
) -> Partials:
    """Fold samples of one signal, each array of shape (n,), ascending by bucket.

    Args:
        bucket: t_ms // step_ms.
        interval_ms: From this sample to the next.
        values: Scaled integers or bit patterns.
        codes: Quality codes.
        resolution: 0 without one.
        thinned: The bit of the rung and the bound in steps, of each sample's block; None if none was thinned.
    """
    rungs, bound = thinned or (np.zeros(bucket.size, np.int64), np.zeros(bucket.size, np.int64))
    told, codes = scaled(values, codes, resolution)
    quality = codes & _QUALITY_MASK
    bad = quality == Quality.BAD
    samples = Partials(
        bucket,
        np.where(bad, np.inf, told),
        np.where(bad, -np.inf, told),
        told,
        (quality == Quality.GOOD).astype(np.int64),
        (quality == Quality.STALE).astype(np.int64),
        bad.astype(np.int64),
        np.where(bad, np.int64(1) << (codes >> _REASON_SHIFT).astype(np.int64), 0),
        interval_ms,
        rungs,
        np.asarray(bound * resolution, np.float64),
    )
    return _reduce(samples)


def merge(parts: Sequence[Partials]) -> Partials:
    """Add up partials of one signal and one step, at least one of them."""
    if len(parts) == 1:
        return parts[0]
    joined = Partials(*(np.concatenate([getattr(part, name) for part in parts]) for name in Partials.__slots__))
    order = np.argsort(joined.bucket, kind="stable")
    return _reduce(Partials(*(getattr(joined, name)[order] for name in Partials.__slots__)))


def _reduce(rows: Partials) -> Partials:
    """Add up neighbours of the same bucket."""
    if not len(rows):
        return rows
    edges = np.flatnonzero(rows.bucket[1:] != rows.bucket[:-1]) + 1
    starts = np.concatenate([[0], edges])
    with np.errstate(over="ignore", invalid="ignore"):  # a sum beyond all floats is no number, and is told as none
        total = np.add.reduceat(rows.total, starts)
    return Partials(
        rows.bucket[starts],
        np.minimum.reduceat(rows.low, starts),
        np.maximum.reduceat(rows.high, starts),
        total,
        np.add.reduceat(rows.good, starts),
        np.add.reduceat(rows.stale, starts),
        np.add.reduceat(rows.bad, starts),
        np.bitwise_or.reduceat(rows.reasons, starts),
        np.maximum.reduceat(rows.interval_ms, starts),
        np.bitwise_or.reduceat(rows.rungs, starts),
        np.maximum.reduceat(rows.bound, starts),
    )


def rung_names(mask: int) -> list[str]:
    """Name the rungs of a bit mask, the mildest first."""
    return [rung.name.lower() for rung in Rung if mask >> rung & 1]


def reason_name(number: int) -> str:
    """Name a reason; one that only a newer gateway knows is "unknown"."""
    try:
        return Reason(number).name.lower()
    except ValueError:
        return "unknown"


def reason_names(mask: int) -> list[str]:
    """Name the reasons of a bit mask, in their numbers' order."""
    return list(dict.fromkeys(reason_name(number) for number in range(mask.bit_length()) if mask >> number & 1))
