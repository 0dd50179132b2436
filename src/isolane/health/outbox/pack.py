"""This file packs rows into drafts of blocks.

It guards that the rows of a block are evenly spaced and that it fits its bound.

A row that does not follow the one before by exactly one step (a missed second, a set clock) ends the block early, so
a hole in time is between blocks, never inside one.
"""

import numpy as np

from isolane.health.outbox.records import Draft
from isolane.wire.block import BLOCK_BYTES_MAX, I64, U8, Mask

_SAMPLE_BYTES_MAX = 13
"""Worst case: a value of 10 bytes and a quality run of 3 for each sample."""
_HEADER_BYTES_MAX = 1024


def rows_max(columns: int) -> int:
    """Give how many rows of that many columns fit a block whatever is in them, at least 1."""
    return max(1, (BLOCK_BYTES_MAX - _HEADER_BYTES_MAX - 4 * columns) // (_SAMPLE_BYTES_MAX * columns))


class Pack:
    """The open block.

    Args:
        schema: Id of the schema of all rows, 8 bytes.
        columns: How many signals it has, at least 1.
        step_ms: From row to row, ms.
        block_rows: Rows of a full block; fewer if they would not fit.
        stream: Number of the stream that its blocks belong to.
        floats: The columns of floats, shape (columns,); None if there are none.
    """

    def __init__(
        self,
        schema: bytes,
        columns: int,
        step_ms: int,
        block_rows: int,
        stream: int = 0,
        *,
        floats: Mask | None = None,
    ) -> None:
        self._schema = schema
        self._floats = floats
        self._stream = stream
        self._step_ms = step_ms
        self._rows_max = rows_max(columns)
        self._rows_full = min(block_rows, self._rows_max)
        self._values: list[I64] = []
        self._codes: list[U8] = []
        self._t0_ms = 0

    def resize(self, block_rows: int) -> None:
        """Let a full block have so many rows from now on; fewer if they would not fit."""
        self._rows_full = min(block_rows, self._rows_max)

    def add(self, t_ms: int, values: I64, codes: U8) -> list[Draft]:
        """Take a row; give the blocks that are complete now: none, one or two.

        Args:
            t_ms: UTC of the row, ms.
            values: Scaled integers or bit patterns of floats, shape (columns,).
            codes: Quality codes, same shape.
        """
        done = []
        if self._values and t_ms != self._t0_ms + self._step_ms * len(self._values):
            done += self.seal()
        if not self._values:
            self._t0_ms = t_ms
        self._values.append(values)
        self._codes.append(codes)
        if len(self._values) >= self._rows_full:
            done += self.seal()
        return done

    def seal(self) -> list[Draft]:
        """End the open block; give it, if it has a row."""
        if not self._values:
            return []
        draft = Draft(
            self._schema,
            self._t0_ms,
            self._step_ms,
            np.ascontiguousarray(np.stack(self._values, axis=1)),
            np.ascontiguousarray(np.stack(self._codes, axis=1)),
            stream=self._stream,
            floats=self._floats,
        )
        self._values, self._codes = [], []
        return [draft]
