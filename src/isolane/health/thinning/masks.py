"""This file chooses which samples of a block are sent; it guards that the others come back within the bound.

Constraints: the first sample of a block is kept, and so is every sample whose code is not that of the one before it, or
that has a reason; a sample that is left out has the code of the one before. Two ways:

- `deadband`: a sample is kept when it differs by more than the bound from the last one kept. It comes back as that one.
  A line that a reader draws is right too, since the row before a step comes back with the value before the step.
- `bounded`: the sample that ends a line is kept, as soon as the line from the last one kept to the next sample would
  miss a sample between them by more than the bound (a swinging door). It comes back as the nearest integer on the line.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from isolane.core.samples import Quality

I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Way = Callable[[I64, U8, I64], Mask]

_EXACT = 1 << 50
"""Below it a difference of two values is exact as a float, with room for a slope."""


def deadband(values: I64, codes: U8, bounds: I64) -> Mask:
    """Tell which samples are kept.

    Args:
        values: Scaled integers, shape (columns, rows).
        codes: Quality codes, same shape.
        bounds: In steps, at least 0, shape (columns,).

    Returns:
        Shape (columns, rows).
    """
    keep = _breaks(codes)
    last = values[:, 0]
    limits = bounds.astype(np.uint64)
    for row in range(1, values.shape[1]):
        here = values[:, row]
        # Unsigned, the difference of two 64-bit integers is exact.
        apart = np.where(here > last, here - last, last - here).view(np.uint64)
        keep[:, row] |= apart > limits
        last = np.where(keep[:, row], here, last)
    return keep


def bounded(values: I64, codes: U8, bounds: I64) -> Mask:
    """Tell which samples are kept; arguments as of `deadband`."""
    columns, rows = values.shape
    breaks = _breaks(codes)
    keep = breaks.copy()
    # The last of each stretch is kept: the line to it must not lead into another quality.
    keep[:, :-1] |= breaks[:, 1:]
    keep[:, -1] = True
    keep[(values >= _EXACT).any(axis=1) | (values <= -_EXACT).any(axis=1)] = True
    exact = np.clip(values, -_EXACT, _EXACT).astype(np.float64)
    width = bounds.astype(np.float64)
    start, origin = np.zeros(columns), exact[:, 0]
    low, high = np.full(columns, -np.inf), np.full(columns, np.inf)
    for row in range(1, rows):
        here = exact[:, row]
        slope = (here - origin) / (row - start)
        missed = (slope < low) | (slope > high)
        keep[:, row - 1] |= missed
        # What was kept, now or before, is where the next line begins.
        anew = keep[:, row - 1]
        start, origin = np.where(anew, row - 1.0, start), np.where(anew, exact[:, row - 1], origin)
        low, high = np.where(anew, -np.inf, low), np.where(anew, np.inf, high)
        reach = row - start
        low = np.maximum(low, (here - width - origin) / reach)
        high = np.minimum(high, (here + width - origin) / reach)
    return keep


def _breaks(codes: U8) -> Mask:
    """Tell where a sample must be kept because of its quality."""
    breaks = np.ones(codes.shape, np.bool_)
    breaks[:, 1:] = (codes[:, 1:] != codes[:, :-1]) | (codes[:, 1:] > Quality.STALE)
    return breaks
