"""This file gathers rows into blocks for the ring; it guards that no hole in time is inside a block."""

from dataclasses import dataclass, field

import numpy as np

from isolane.health.recorder.segments import Kind
from isolane.wire.block import I64, SAMPLES_MAX, U8, Block, BlockKey, encode
from isolane.wire.records import Record
from isolane.wire.schema import Schema, packed

_BLOCK_BYTES = 1 << 19
"""Of the worst case of 13 bytes a sample: half of what a block may have."""
_SAMPLE_BYTES_MAX = 13


@dataclass(frozen=True, slots=True)
class Stream:
    """Where rows come from.

    Attributes:
        number: As in the blocks that are sent.
        schema: Of its rows.
        step_ms: From row to row.
    """

    number: int
    schema: Schema
    step_ms: int

    @property
    def is_fast(self) -> bool:
        """Whether its rows are faster than 1 Hz."""
        return self.step_ms < 1000  # noqa: PLR2004 - 1 Hz


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a stream: its UTC, ms; values and codes as in a block, shape (columns,)."""

    stream: Stream
    t_ms: int
    values: I64
    codes: U8


@dataclass
class Gatherer:
    """Makes blocks of rows.

    Attributes:
        epoch: What blocks are numbered under: the start of the run, UTC ms.
        tag: From `wire.block.gateway_tag`.
    """

    epoch: int
    tag: bytes
    _numbers: dict[int, int] = field(default_factory=dict)
    _schemas: dict[bytes, Record] = field(default_factory=dict)

    def records(self, rows: list[Row]) -> tuple[list[Record], list[Record]]:
        """Give the records of the schemas of some rows, and those of their blocks."""
        schemas: dict[bytes, Record] = {}
        blocks = []
        for number in sorted({row.stream.number for row in rows}):
            own = [row for row in rows if row.stream.number == number]
            stream = own[0].stream
            if stream.schema.id not in self._schemas:
                self._schemas[stream.schema.id] = Record(Kind.SCHEMA, 0, 0, packed(stream.schema.json))
            schemas[stream.schema.id] = self._schemas[stream.schema.id]
            blocks += [self._block(stream, part) for part in _parts(own)]
        return list(schemas.values()), blocks

    def _block(self, stream: Stream, rows: list[Row]) -> Record:
        self._numbers[stream.number] = self._numbers.get(stream.number, 0) + 1
        block = Block(
            BlockKey(self.epoch, stream.number, self._numbers[stream.number]),
            stream.schema.id,
            rows[0].t_ms,
            stream.step_ms,
            np.stack([row.values for row in rows], axis=1),
            np.stack([row.codes for row in rows], axis=1),
            floats=stream.schema.floats,
        )
        return Record(Kind.BLOCK, rows[0].t_ms, rows[-1].t_ms + stream.step_ms, encode(block, self.tag))


def _parts(rows: list[Row]) -> list[list[Row]]:
    """Part rows where time does not go on evenly, and where a block would be too large."""
    columns = rows[0].values.size
    rows_max = max(1, min(_BLOCK_BYTES // (_SAMPLE_BYTES_MAX * columns), SAMPLES_MAX // columns))
    parts = [[rows[0]]]
    for row in rows[1:]:
        last = parts[-1]
        if row.t_ms == last[-1].t_ms + row.stream.step_ms and len(last) < rows_max:
            last.append(row)
        else:
            parts.append([row])
    return parts
