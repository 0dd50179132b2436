"""This file says how signals behave in ten minutes; it guards that all signals of a place are looked at in one go.

What is reckoned is plain: whether a signal was there, moved, stood out for single samples, and in what steps it came.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_TALLEST = 3
_AGREE = 0.5


@dataclass(frozen=True, slots=True)
class Traits:
    """Of each signal, shape (signals,) where nothing else is said.

    Attributes:
        there: Samples that there were.
        moves: Whether it showed more than one value.
        mean: Of its samples; NaN where there were none.
        changes: Times that it showed another value than a second before.
        step: The least of these changes; infinite where there were none.
        spikes: How far a sample stood out from both neighbours, where these agree; 0 else. Shape (rows - 2, signals).
        lone: Samples that are missing between two that are there.
    """

    there: NDArray[np.int64]
    moves: Flags
    mean: Floats
    changes: NDArray[np.int64]
    step: Floats
    spikes: Floats
    lone: NDArray[np.int64]

    @property
    def tall(self) -> Floats:
        """The third tallest spike: one or two may happen to any signal."""
        if len(self.spikes) < _TALLEST:
            return np.zeros(len(self.there))
        found: Floats = np.partition(self.spikes, -_TALLEST, axis=0)[-_TALLEST]
        return found


def traits(values: Floats) -> Traits:
    """Look at the signals' samples.

    Args:
        values: Shape (rows, signals), 1 Hz, gaps as NaN; at least three rows.
    """
    gap = np.isnan(values)
    there = len(values) - gap.sum(axis=0)
    with np.errstate(invalid="ignore"):
        moves = np.fmax.reduce(values, axis=0) > np.fmin.reduce(values, axis=0)
        mean = np.where(gap, 0.0, values).sum(axis=0) / np.where(there, there, np.nan)
        turns = np.diff(values, axis=0)
        sizes = np.abs(turns)
        changed = sizes > 0
        step = np.where(changed, sizes, np.inf).min(axis=0)
        least = np.minimum(sizes[:-1], sizes[1:])
        stands_out = (turns[:-1] * turns[1:] < 0) & (np.abs(turns[:-1] + turns[1:]) <= _AGREE * least)
    lone = (gap[1:-1] & ~gap[:-2] & ~gap[2:]).sum(axis=0)
    return Traits(there, moves, mean, changed.sum(axis=0), step, np.where(stands_out, least, 0.0), lone)
