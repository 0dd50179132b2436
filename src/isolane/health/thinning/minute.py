"""This file sums minutes up; it guards that nothing is made of samples without a value.

A minute becomes four rows, each of a schema of its own: minimum, mean, maximum and standard deviation of every signal,
as ordinary signals whose variable has the instance ``min``, ``mean``, ``max`` or ``sd`` (``ACVoltage[L1]`` becomes
``ACVoltage[L1.min]``). Mean and deviation have a tenth of the signal's resolution; those of a signal without a
resolution, of floats, have none either.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from isolane.core.samples import Quality
from isolane.core.signals import Signal
from isolane.wire.floats import Mask, to_bits, to_floats
from isolane.wire.schema import Schema

MINUTE_MS = 60_000
NAMES = ("min", "mean", "max", "sd")
FINER = 10
"""So many times finer are mean and deviation."""
_INSTANCE = re.compile(r"\]$")

I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]
F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Summary:
    """One row about a minute.

    Attributes:
        schema: Of its columns, one for each signal.
        values: Scaled integers, shape (columns, 1).
        codes: Quality codes, same shape: GOOD if all samples were, else STALE; BAD without any value.
    """

    schema: Schema
    values: I64
    codes: U8


def schemas(signals: Sequence[Signal]) -> tuple[Schema, ...]:
    """Give the schemas of the four summaries, in the order of NAMES."""
    return tuple(Schema.of(tuple(_named(signal, name) for signal in signals)) for name in NAMES)


def summarise(values: I64, codes: U8, told: Sequence[Schema], floats: Mask | None = None) -> list[Summary]:
    """Sum a minute up.

    Args:
        values: Scaled integers or, in columns of floats, bit patterns; shape (columns, rows).
        codes: Quality codes, same shape.
        told: From `schemas`.
        floats: The columns of floats, shape (columns,).
    """
    present = (codes & 3) != Quality.BAD
    count = present.sum(axis=1)
    low = np.where(present, values, np.iinfo(np.int64).max).min(axis=1)
    high = np.where(present, values, np.iinfo(np.int64).min).max(axis=1)
    mean, deviation = _spread(np.where(present, values, 0).astype(np.float64), present)
    rows = [low, _rounded(mean * FINER), high, _rounded(deviation * FINER)]
    if floats is not None:
        for row, found in zip(rows, _of_floats(to_floats(values[floats]), present[floats]), strict=True):
            row[floats] = to_bits(found)
    good = np.where((codes == Quality.GOOD).all(axis=1), Quality.GOOD, Quality.STALE)
    # Of a minute without any value the reason is that of its last row.
    summed = np.where(count > 0, good, codes[:, -1]).astype(np.uint8)
    return [
        Summary(schema, np.where(count > 0, row, 0).astype(np.int64)[:, None], summed[:, None].copy())
        for schema, row in zip(told, rows, strict=True)
    ]


def _spread(exact: F64, present: Mask) -> tuple[F64, F64]:
    """Give mean and standard deviation of each column; 0 without a value."""
    some = np.maximum(present.sum(axis=1), 1)
    mean: F64 = exact.sum(axis=1) / some
    spread = np.where(present, exact - mean[:, None], 0.0)
    deviation: F64 = np.sqrt((spread * spread).sum(axis=1) / some)
    return mean, deviation


def _of_floats(values: F64, present: Mask) -> tuple[F64, F64, F64, F64]:
    """Give minimum, mean, maximum and standard deviation of columns of floats, never beyond what a float holds."""
    exact = np.where(present, values, 0.0)
    # Divided by the largest before they are summed up and squared, so that nothing overflows.
    largest = np.abs(exact).max(axis=1)
    unit = np.where(largest > 0, largest, 1.0)
    mean, deviation = _spread(exact / unit[:, None], present)
    low, high = np.where(present, values, np.inf).min(axis=1), np.where(present, values, -np.inf).max(axis=1)
    return low, np.clip(mean, -1, 1) * unit, high, np.clip(deviation, 0, 1) * unit


def _rounded(values: NDArray[np.float64]) -> I64:
    largest = float(1 << 62)
    return np.rint(np.clip(values, -largest, largest)).astype(np.int64)


def _named(signal: Signal, name: str) -> Signal:
    key = _INSTANCE.sub(f".{name}]", signal.key) if signal.key.endswith("]") else f"{signal.key}[{name}]"
    resolution = signal.resolution if name in {"min", "max"} else signal.resolution / FINER
    return replace(signal, key=key, resolution=resolution)
