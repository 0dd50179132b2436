"""This file turns what blocks hold into values in a signal's unit; it guards that none of them is not finite.

A signal without a resolution has the bit patterns of floats (`wire.floats`). A block whose columns of floats are not
those of its schema was not made by a gateway of ours; what it says of such a column may be no number, and is BAD then.
"""

import math
from functools import lru_cache

import numpy as np

from isolane.core.samples import Quality, Reason
from isolane.wire.block import I64, U8, code
from isolane.wire.floats import F64, number, to_floats

_NO_NUMBER = code(Quality.BAD, Reason.OUT_OF_RANGE)


def scaled(values: I64, codes: U8, resolution: float | F64) -> tuple[F64, U8]:
    """Give samples in their signals' units, and their codes; where those say BAD the value is 0.

    Args:
        values: Scaled integers or bit patterns of floats.
        codes: Quality codes, same shape.
        resolution: One for all, or as many as broadcast to the values; 0 where these are bit patterns.
    """
    steps = np.asarray(resolution, np.float64)
    with np.errstate(over="ignore"):  # a product that is no number is told as none
        told = values * steps
    if not steps.all():
        told = np.where(steps == 0, to_floats(values), told)
    if not np.isfinite(told).all():
        codes = np.where(np.isfinite(told) | ((codes & 3) == Quality.BAD), codes, np.uint8(_NO_NUMBER))
    return np.where((codes & 3) == Quality.BAD, 0.0, told), codes


def sample_of(value: int, code_: int, resolution: float) -> tuple[float | None, int]:
    """Give one sample as `scaled` does, without the noise of the product, and its code; None where that says BAD."""
    if code_ & 3 == Quality.BAD:
        return None, code_
    told = round(value * resolution, decimals(resolution)) if resolution else number(value)
    return (told, code_) if math.isfinite(told) else (None, _NO_NUMBER)


def rounded(values: F64, resolution: float, finer: int = 0) -> F64:
    """Give multiples of a resolution without the noise of their product; without a resolution as they are.

    Args:
        values: In the signal's unit.
        resolution: The signal's; 0 if it has none.
        finer: So many decimal places more than the resolution needs.
    """
    return np.round(values, decimals(resolution) + finer) if resolution else values


@lru_cache(maxsize=1024)
def decimals(resolution: float) -> int:
    """Give the decimal places that a multiple of a resolution needs, 0 to 12."""
    if resolution <= 0 or not math.isfinite(resolution):
        return 0
    text = f"{resolution:.12f}".rstrip("0")
    return len(text.partition(".")[2])
