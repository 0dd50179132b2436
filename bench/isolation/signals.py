"""This file makes up the signals of a site and their values; it guards that all rows carry the same telemetry.

Ten chargers with 50 signals each. In a second about half of the signals change, by a few steps of their resolution, as
meters and temperatures do (52 % in the simulator's data).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

CHARGERS: Final = 10
SIGNALS: Final = 50
COLUMNS: Final = CHARGERS * SIGNALS
RESOLUTION: Final = 0.1
_CHANGING = 0.52
_STEPS_MAX = 3

Rows = NDArray[np.int64]


def charger(number: int) -> str:
    """Name a charger."""
    return f"CP{number:02d}"


def points() -> list[str]:
    """Write the points of an `http_json` source whose page is one list of numbers."""
    return [
        f'{{ charger = "{charger(column // SIGNALS)}", key = "1.0/ElectricalFeed[F{column % SIGNALS}]/ACCurrent", '
        f'path = "v[{column}]", unit = "A", resolution = {RESOLUTION} }}'
        for column in range(COLUMNS)
    ]


class Walk:
    """Values that wander.

    Args:
        seed: Everything follows from it.
        changing: Share of the signals that change from row to row.
    """

    def __init__(self, seed: int, changing: float = _CHANGING) -> None:
        self._random = np.random.default_rng(seed)
        self._changing = changing
        self._now: Rows = self._random.integers(1000, 5000, COLUMNS)

    def rows(self, count: int) -> Rows:
        """Give the next rows as scaled integers, shape (COLUMNS, count)."""
        shape = (COLUMNS, count)
        steps = self._random.integers(-_STEPS_MAX, _STEPS_MAX + 1, shape, dtype=np.int8)
        steps *= self._random.random(shape, dtype=np.float32) < self._changing * (1 + 1 / (2 * _STEPS_MAX))
        walked: Rows = self._now[:, None] + np.cumsum(steps, axis=1, dtype=np.int64)
        self._now = walked[:, -1]
        return walked
