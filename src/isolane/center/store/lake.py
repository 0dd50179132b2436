"""This file writes Parquet files that stand alone; it guards that a file has its name only when it is whole.

Three kinds, all sorted by (device, signal, t_ms) and partitioned as
``<kind>/date=YYYY-MM-DD/site=<site>/<name>.parquet``, where the date is the day's, of hours that of the month's first
day:

raw      device, signal, unit, resolution, t_ms, step_ms (from this sample to the next), value (scaled integer: value in
         the unit = value * resolution; null where the sample is BAD), code (reason << 2 | quality), real, rungs (bit n:
         the block was thinned by rung n), bound (greatest error of a sample with reason 9, in resolutions).
minute   device, signal, unit, resolution, t_ms (of the minute), step_ms (greatest), low, high, total (scaled), good,
         stale, bad, reasons (bit n: a BAD sample has reason n), real_low, real_high, rungs, bound
         (greatest). A minute can stand in several rows; they add up.
hour     the same of hours.

A signal without a resolution has 0 there, no value, low and high, and in their place the float itself in real,
real_low and real_high; its total is that of the floats. Files of older releases have none of these three columns,
nor rungs and bound.

Integers are DELTA_BINARY_PACKED without dictionary, then zstd; the four labels, constant over long runs, are
dictionaries.
"""

import datetime as dt
import os
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
from numpy.typing import NDArray

from isolane.center.store.port import device_of
from isolane.center.store.scaling import scaled
from isolane.center.store.steps import HOUR_MS, MINUTE_MS, align
from isolane.core.samples import Quality
from isolane.wire.block import I64, U8, Block
from isolane.wire.floats import to_floats
from isolane.wire.schema import Schema

RAW = "raw"
MINUTE = "minute"
HOUR = "hour"
KINDS = (RAW, MINUTE, HOUR)
ROLLUPS_MS = {MINUTE: MINUTE_MS, HOUR: HOUR_MS}

_ROW_GROUP_ROWS = 65_536
"""A reader of one signal decodes at least one row group: 18 hours of 1 Hz, or 18 signals of one hour."""
LABELS = ["device", "signal", "unit", "resolution"]
_ZSTD_LEVEL = 9


@dataclass(frozen=True, slots=True)
class Piece:
    """Blocks of one gateway and schema, as they go into one file."""

    gateway: str
    schema: Schema
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class LakeFile:
    """A file of the lake, its path relative to the lake's folder; `to_ms` is after its last row.

    Of a file of minutes `has_hours` says that files of hours have the same samples, as releases before them did not.
    """

    path: str
    kind: str
    site: str
    from_ms: int
    to_ms: int
    step_ms: int
    samples: int
    size_bytes: int
    has_hours: bool = True


@dataclass(frozen=True, slots=True)
class _Rows:
    """Samples of all signals of a file, sorted by label and time."""

    labels: list[tuple[str, str, str, float]]
    label: I64
    t_ms: I64
    step_ms: I64
    values: I64
    codes: U8
    rungs: I64
    bound: I64

    def is_real(self) -> NDArray[np.bool_]:
        """Tell the samples whose signal has no resolution, shape (n,)."""
        mask: NDArray[np.bool_] = np.array([not label[3] for label in self.labels], np.bool_)[self.label]
        return mask


def write_files(
    folder: Path, site: str, date: dt.date, pieces: Sequence[Piece], kinds: Sequence[str] = KINDS
) -> list[LakeFile]:
    """Write the samples of some blocks, their minutes and hours, as one file each; all are on disk when it returns.

    Args:
        folder: The lake's folder.
        site: Partition.
        date: Partition; UTC date of the blocks' first rows.
        pieces: At least one block.
        kinds: Which of them.

    Raises:
        OSError: The disk does not take it; what was written is removed.
    """
    rows = _sorted_rows(pieces)
    steps = [block.step_ms for piece in pieces for block in piece.blocks]
    span = (int(rows.t_ms.min()), int(rows.t_ms.max()) + max(steps))
    stem = f"{uuid.uuid4().hex}.parquet"
    files: list[LakeFile] = []
    try:
        for kind in kinds:
            path = f"{folder_of(kind, site, date)}/{stem}"
            width_ms = ROLLUPS_MS.get(kind, 1)
            size_bytes = write_table(folder / path, _raw_table(rows) if kind == RAW else _rollup_table(rows, width_ms))
            begin, end = align(*span, width_ms)
            files.append(LakeFile(path, kind, site, begin, end, min(steps), rows.values.size, size_bytes))
    except OSError:
        remove_files(folder, files)
        raise
    return files


def remove_files(folder: Path, files: Iterable[LakeFile]) -> None:
    """Remove files that no book lists or will list: of each attempt on a full disk some would stay, and fill it."""
    for file in files:
        (folder / file.path).unlink(missing_ok=True)


def folder_of(kind: str, site: str, date: dt.date) -> str:
    """Name the folder of a partition, relative to the lake's; a year of hours is twelve of them."""
    return f"{kind}/date={(date.replace(day=1) if kind == HOUR else date).isoformat()}/site={site}"


def _sorted_rows(pieces: Sequence[Piece]) -> _Rows:
    names = {}
    for piece in pieces:
        for column in piece.schema.columns:
            names[device_of(piece.gateway, column.charger), column.key, column.unit, column.resolution] = 0
    labels = sorted(names)
    names = {label: at for at, label in enumerate(labels)}
    parts: list[tuple[I64, I64, I64, I64, U8, I64, I64]] = []
    for piece in pieces:
        own = np.array(
            [names[device_of(piece.gateway, c.charger), c.key, c.unit, c.resolution] for c in piece.schema.columns]
        )
        t_ms, step_ms = row_times(piece.blocks)
        values = np.concatenate([block.values for block in piece.blocks], axis=1)
        codes = np.concatenate([block.codes for block in piece.blocks], axis=1)
        if (floats := piece.schema.floats) is not None:
            codes[floats] = scaled(values[floats], codes[floats], 0.0)[1]
        times = np.tile(t_ms, own.size), np.tile(step_ms, own.size)
        rungs, bound = row_thinned(piece.blocks)
        # States and counts, which have no unit, come back exactly.
        bounds = np.outer([bool(column.unit) for column in piece.schema.columns], bound)
        thinned = np.tile(rungs, own.size), bounds.ravel()
        parts.append((np.repeat(own, t_ms.size), *times, values.ravel(), codes.ravel(), *thinned))
    label, *rest = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((rest[0], label))
    return _Rows(labels, label[order], *(column[order] for column in rest))


def row_times(blocks: Sequence[Block]) -> tuple[I64, I64]:
    """Give the time of each row of some blocks, in their order, and the step it was taken at, ms."""
    rows = np.array([block.values.shape[1] for block in blocks])
    step_ms = np.repeat(np.array([block.step_ms for block in blocks]), rows)
    place = np.arange(int(rows.sum())) - np.repeat(np.cumsum(rows) - rows, rows)
    return np.repeat(np.array([block.t0_ms for block in blocks]), rows) + place * step_ms, step_ms


def row_thinned(blocks: Sequence[Block]) -> tuple[I64, I64]:
    """Give of each row of some blocks the bit of the rung that its block was thinned by, or 0, and its bound."""
    rows = [block.values.shape[1] for block in blocks]
    ways = [(0, 0) if block.thinned is None else (1 << block.thinned.rung, block.thinned.bound) for block in blocks]
    rungs, bounds = np.array(ways, np.int64).reshape(-1, 2).T
    return np.repeat(rungs, rows), np.repeat(bounds, rows)


def _label_columns(rows: _Rows, label: I64) -> dict[str, pa.Array]:
    columns = {}
    for at, name in enumerate(LABELS):
        words = sorted({entry[at] for entry in rows.labels})
        place = {word: number for number, word in enumerate(words)}
        index = np.array([place[entry[at]] for entry in rows.labels], np.int32)[label]
        columns[name] = pa.DictionaryArray.from_arrays(pa.array(index), pa.array(words))
    return columns


def _raw_table(rows: _Rows) -> pa.Table:
    columns = _label_columns(rows, rows.label)
    columns["t_ms"] = pa.array(rows.t_ms)
    columns["step_ms"] = pa.array(rows.step_ms)
    bad = (rows.codes & 3) == Quality.BAD
    is_real = rows.is_real()
    columns["value"] = pa.array(rows.values, mask=bad | is_real)
    columns["code"] = pa.array(rows.codes.astype(np.int32))
    columns["real"] = pa.array(to_floats(rows.values), mask=bad | ~is_real)
    columns["rungs"], columns["bound"] = pa.array(rows.rungs), pa.array(rows.bound)
    return pa.table(columns)


def _rollup_table(rows: _Rows, width_ms: int) -> pa.Table:
    step = rows.t_ms // width_ms
    new = (np.diff(step) != 0) | (np.diff(rows.label) != 0)
    starts = np.concatenate([[0], np.flatnonzero(new) + 1])
    quality = rows.codes & 3
    bad = quality == Quality.BAD
    none = np.bitwise_and.reduceat(bad, starts)
    reasons = np.where(bad, np.int64(1) << (rows.codes >> 2).astype(np.int64), 0)
    columns = _label_columns(rows, rows.label[starts])
    columns["t_ms"] = pa.array(step[starts] * width_ms)
    columns["step_ms"] = pa.array(np.maximum.reduceat(rows.step_ms, starts))
    limit, is_real = np.iinfo(np.int64), rows.is_real()
    real = np.where(is_real, to_floats(rows.values), 0.0)
    not_whole, not_real = none | is_real[starts], none | ~is_real[starts]
    columns["low"] = pa.array(np.minimum.reduceat(np.where(bad, limit.max, rows.values), starts), mask=not_whole)
    columns["high"] = pa.array(np.maximum.reduceat(np.where(bad, limit.min, rows.values), starts), mask=not_whole)
    columns["total"] = pa.array(np.add.reduceat(np.where(bad, 0.0, np.where(is_real, real, rows.values)), starts))
    columns["real_low"] = pa.array(np.minimum.reduceat(np.where(bad, np.inf, real), starts), mask=not_real)
    columns["real_high"] = pa.array(np.maximum.reduceat(np.where(bad, -np.inf, real), starts), mask=not_real)
    for name, of_quality in (("good", Quality.GOOD), ("stale", Quality.STALE), ("bad", Quality.BAD)):
        columns[name] = pa.array(np.add.reduceat((quality == of_quality).astype(np.int32), starts).astype(np.int32))
    columns["reasons"] = pa.array(np.bitwise_or.reduceat(reasons, starts))
    columns["rungs"] = pa.array(np.bitwise_or.reduceat(rows.rungs, starts))
    columns["bound"] = pa.array(np.maximum.reduceat(rows.bound, starts))
    return pa.table(columns)


def write_table(path: Path, table: pa.Table) -> int:
    """Write under another name, then rename; both the file and its name are flushed to the disk. Gives its bytes.

    Raises:
        OSError: The disk does not take it; nothing is left of it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    try:
        _write_draft(draft, table)
        draft.rename(path)
        for folder in (path.parent, path.parent.parent, path.parent.parent.parent):
            _flush_folder(folder)
        return path.stat().st_size
    except OSError:
        for left in (draft, path):
            left.unlink(missing_ok=True)
        raise


def _write_draft(draft: Path, table: pa.Table) -> None:
    integers = [field.name for field in table.schema if pa.types.is_integer(field.type)]
    with draft.open("wb") as file:
        pq.write_table(
            table,
            file,
            row_group_size=_ROW_GROUP_ROWS,
            compression="zstd",
            compression_level=_ZSTD_LEVEL,
            use_dictionary=LABELS,
            column_encoding=dict.fromkeys(integers, "DELTA_BINARY_PACKED"),
        )
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
