"""This file reads a recording as rows at 1 Hz; it guards that a row's place is its time, and a hole stays a hole.

Several rows of one second: the last counts. A row holds for `step_s`. Rows may not go back in time by more than a
second: such a file is refused, since nobody can say which of its halves is the later one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isolane.cli.soh.map import RecordingMap, missing
from isolane.core.failures import IsolaneError

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

_ROWS_AT_ONCE = 86_400
_MS_PER_S = 1000


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive seconds: `start_s` UTC, and samples of shape (rows, columns), in the map's order, gaps as NaN."""

    start_s: int
    rows: NDArray[np.float64]


def pieces(path: Path, recording: RecordingMap) -> Iterator[Piece]:
    """Read a recording, piece by piece.

    Raises:
        IsolaneError: The file cannot be read, lacks a column, has none, goes back in time, or a column is no number.
    """
    at = int(recording.time.start.timestamp())
    step_s, last = recording.time.step_s, -(1 << 62)
    for batch in _batches(path):
        names = batch.schema.names
        values = np.column_stack([_numbers(batch, name, names, path) for name in recording.columns])
        for place, column in enumerate(recording.columns.values()):
            values[:, place] = values[:, place] * column.scale + column.offset
        if recording.time.column:
            seconds = _seconds(batch, recording, names, path)
        else:
            seconds = at + step_s * np.arange(len(values))
            at += step_s * len(values)
        if len(seconds) and (np.diff(np.concatenate(([last], seconds))) < 0).any():
            raise IsolaneError(f"{path}: its rows go back in time", "sort them by time first")
        last = int(seconds[-1]) if len(seconds) else last
        yield from _placed(seconds, values, step_s)


def _placed(seconds: NDArray[np.int64], values: NDArray[np.float64], step_s: int) -> Iterator[Piece]:
    """Put rows where they belong; a hole of more than a batch begins a new piece."""
    first = 0
    borders = np.flatnonzero(np.diff(seconds) > _ROWS_AT_ONCE) + 1
    for border in (*borders.tolist(), len(seconds)):
        own, rows = seconds[first:border], values[first:border]
        first = border
        if not len(own):
            continue
        out = np.full((int(own[-1] - own[0]) + step_s, rows.shape[1]), np.nan)
        for shift in range(step_s):
            places = own - own[0] + shift
            free = np.isnan(out[places]).all(axis=1) if shift else np.ones(len(places), np.bool_)
            out[places[free]] = rows[free]
        yield Piece(int(own[0]), out)


def _batches(path: Path) -> "Iterator[pa.RecordBatch]":
    try:
        import pyarrow as pa
        from pyarrow import csv, parquet
    except ModuleNotFoundError as error:
        raise IsolaneError(
            "pyarrow, which reads recordings, is not installed", "pip install 'isolane[health,center]'"
        ) from error
    try:
        if path.suffix.lower() in {".parquet", ".pq"}:
            yield from parquet.ParquetFile(path).iter_batches(_ROWS_AT_ONCE)
            return
        block = csv.ReadOptions(block_size=16 << 20)
        with csv.open_csv(path, read_options=block) as reader:
            yield from reader
    except (OSError, pa.ArrowInvalid) as error:
        raise IsolaneError(
            f"cannot read {path}: {error}", "it has to be CSV with a line of names, or Parquet"
        ) from error


def _numbers(batch: "pa.RecordBatch", name: str, names: list[str], path: Path) -> NDArray[np.float64]:
    import pyarrow as pa

    if name not in names:
        raise missing(name, names, path)
    try:
        column = batch.column(names.index(name)).cast(pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise IsolaneError(f"{path}: column {name!r} is no number: {error}", "take it out of the map") from error
    found: NDArray[np.float64] = np.asarray(column.to_numpy(zero_copy_only=False), np.float64)
    return found


def _seconds(batch: "pa.RecordBatch", recording: RecordingMap, names: list[str], path: Path) -> NDArray[np.int64]:
    import pyarrow as pa

    time = recording.time
    if time.column not in names:
        raise missing(time.column, names, path)
    column: Any = batch.column(names.index(time.column))
    try:
        if time.unit == "iso":
            kind = column.type
            if not pa.types.is_timestamp(kind):
                column = column.cast(pa.timestamp("ms"))
            return np.asarray(column.cast(pa.timestamp("s"), safe=False).cast(pa.int64()), np.int64)
        numbers = np.asarray(column.cast(pa.float64()), np.float64)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise IsolaneError(
            f"{path}: column {time.column!r} is no time in {time.unit}: {error}", "give [time] unit as it is"
        ) from error
    if np.isnan(numbers).any():
        raise IsolaneError(f"{path}: a row has no time in column {time.column!r}", "leave such rows out")
    return np.asarray(numbers / (_MS_PER_S if time.unit == "ms" else 1), np.int64)
