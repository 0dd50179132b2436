"""This file makes what gateways sample; it guards that any stored value tells by itself whether it is the right one."""

import numpy as np
from numpy.typing import NDArray

from isolane.core.signals import Signal
from isolane.wire.schema import Schema

COLUMNS = 8
_FACTORS = np.arange(1, COLUMNS + 1, dtype=np.int64) * 2_654_435_761
_MODULUS = (1 << 31) - 1
SITE = "soak"


def schema_of(gateway: str) -> Schema:
    """Give the schema of a gateway, whose one charger has its name."""
    return Schema.of(tuple(Signal(f"CP-{gateway}", f"1.0/Soak[{index}]/Value", "", 1.0) for index in range(COLUMNS)))


def values_of(gateway: str, first: int, rows: int) -> NDArray[np.int64]:
    """Give rows by their number, shape (COLUMNS, rows)."""
    numbers = np.arange(first, first + rows, dtype=np.int64) + sum(gateway.encode()) * 1_000_003
    made: NDArray[np.int64] = (numbers[np.newaxis, :] * (_FACTORS % _MODULUS)[:, np.newaxis]) % _MODULUS
    return made
