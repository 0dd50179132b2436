"""This file keeps the rows that are still needed; it guards that they are no more than an hour and ten minutes.

Rows are kept as 32-bit floats: seven digits, more than any sensor here has. A register of energy has more; what a
column is beyond 100,000 at first is therefore taken off and given back.
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray

_BIG = 1e5


class Rows:
    """Consecutive rows of one place."""

    def __init__(self) -> None:
        self._parts: deque[tuple[int, NDArray[np.float32]]] = deque()
        self._offset: NDArray[np.float64] | None = None

    @property
    def end_s(self) -> int | None:
        """UTC second after the newest row; None if there is none."""
        return self._parts[-1][0] + len(self._parts[-1][1]) if self._parts else None

    @property
    def bytes(self) -> int:
        """Memory that the rows take."""
        return sum(part.nbytes for _, part in self._parts)

    def add(self, start_s: int, rows: NDArray[np.float64]) -> None:
        """Add rows that begin where the newest end; at least one."""
        if self._offset is None:
            self._offset = np.where(np.abs(rows[0]) > _BIG, np.round(rows[0]), 0.0)
        self._parts.append((start_s, (rows - self._offset).astype(np.float32)))

    def since(self, first_s: int, end_s: int) -> tuple[int, NDArray[np.float64]]:
        """Give the rows there are from one UTC second up to another, and the second of the first of them."""
        if self._offset is None:
            return first_s, np.empty((0, 0))
        found = [
            part[max(first_s - start, 0) : end_s - start]
            for start, part in self._parts
            if start < end_s and start + len(part) > first_s
        ]
        begin = max(first_s, self._parts[0][0])
        return begin, np.concatenate(found) + self._offset if found else np.empty((0, 0))

    def forget(self, before_s: int) -> None:
        """Forget parts that end before a UTC second."""
        while self._parts and self._parts[0][0] + len(self._parts[0][1]) <= before_s:
            self._parts.popleft()
        if not self._parts:
            self._offset = None

    def clear(self) -> None:
        """Forget all."""
        self._parts.clear()
        self._offset = None
