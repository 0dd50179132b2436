"""This file puts small files together; it guards that a file is replaced with all its rows or not at all.

Blocks move to the lake every few minutes, so a day is a hundred small files, and charts of days and of a year would be
slow to open. Files of minutes and hours become few as they come: the smallest first, and a large one is written again
only when those before it are half of it together, so that a row is written a few times and not each time. Once a day
is past, its files of a kind become one, and so do a month's files of hours. Late samples make small files again.
"""

import datetime as dt
import sqlite3
import uuid
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from isolane.center.store.folding import ORDER, folded
from isolane.center.store.hot import HotStore
from isolane.center.store.lake import HOUR, LABELS, MINUTE, LakeFile, folder_of, write_table
from isolane.center.store.steps import HOUR_MS

_FILES_MIN = 4
"""Merging two would write a day's samples again for each late block, unless both are large."""
_ROWS_MAX = 1_000_000
"""Of a merged file; sorting takes about 200 bytes a row: 200 MB."""
_PAST_MS = 2 * HOUR_MS
"""After its end: what came by then has been moved to the lake."""
_GROWTH = 2
"""A file is not written again with others that are less than half of it."""
_LATE_GROWTH = 8
"""Nor with fewer others than `_FILES_MIN`, when its time is past, that are less than an eighth."""


@dataclass(frozen=True, slots=True)
class Merge:
    """A new file and the paths of those that it replaces."""

    file: LakeFile
    paths: list[str]


def merges(hot: HotStore, lake: Path, now_ms: int) -> Iterator[Merge]:
    """Write merged files, one after the other; commit each before the next.

    Args:
        hot: Where the lake's book is.
        lake: The lake's folder.
        now_ms: UTC ms.

    Raises:
        OSError: A file cannot be read or written; what was written is no file of the lake.
    """
    with hot.reading() as connection:
        rows = connection.execute(
            "SELECT path, kind, site, from_ms, to_ms, step_ms, samples, size_bytes, has_hours FROM file ORDER BY path"
        ).fetchall()
    past = dt.datetime.fromtimestamp((now_ms - _PAST_MS) / 1000, dt.UTC).date()
    groups: dict[tuple[str, bool, bool], list[LakeFile]] = {}
    for file in (LakeFile(*row) for row in rows):
        date = dt.datetime.fromtimestamp(file.from_ms / 1000, dt.UTC).date()
        folder = folder_of(file.kind, file.site, date)
        is_past = folder_of(file.kind, file.site, past) > folder
        if is_past or file.kind in {MINUTE, HOUR}:
            groups.setdefault((folder, file.has_hours, is_past), []).append(file)
    for (folder, _, is_past), files in groups.items():
        if len(files) >= (2 if is_past else _FILES_MIN):
            yield from _merged(lake, folder, files, is_past=is_past)


def _merged(lake: Path, folder: str, files: list[LakeFile], *, is_past: bool) -> Iterator[Merge]:
    """Merge as many files as fit into one, the smallest first."""
    sizes = [(_rows(lake / file.path), file) for file in files]
    part: list[LakeFile] = []
    total = largest = 0
    for rows, file in sorted(sizes, key=lambda entry: entry[0]):
        if total + rows > _ROWS_MAX or (part and not is_past and rows > _GROWTH * total):
            break
        part.append(file)
        total += rows
        largest = rows
    is_even = is_past and len(part) > 1 and largest <= _LATE_GROWTH * (total - largest)
    if is_even or len(part) >= _FILES_MIN:
        yield _one(lake, folder, part)


def _rows(path: Path) -> int:
    try:
        return int(pq.read_metadata(path).num_rows)
    except pa.ArrowException as error:
        raise OSError(f"{path}: {error}") from error


def _one(lake: Path, folder: str, files: list[LakeFile]) -> Merge:
    first = files[0]
    try:
        tables = [_plain(pq.read_table(lake / file.path, partitioning=None)) for file in files]
        table = pa.concat_tables(tables, promote_options="default").sort_by(ORDER)
        if first.kind in {MINUTE, HOUR}:
            table = folded(table)
    except pa.ArrowException as error:
        raise OSError(f"{first.path} and others cannot be merged: {error}") from error
    path = f"{folder}/{uuid.uuid4().hex}.parquet"
    size_bytes = write_table(lake / path, table)
    file = LakeFile(
        path,
        first.kind,
        first.site,
        min(file.from_ms for file in files),
        max(file.to_ms for file in files),
        min(file.step_ms for file in files),
        sum(file.samples for file in files),
        size_bytes,
        first.has_hours,
    )
    return Merge(file, [file.path for file in files])


def _plain(table: pa.Table) -> pa.Table:
    """Write dictionaries out: each file has its own."""
    for name in LABELS:
        kind = table.schema.field(name).type
        if pa.types.is_dictionary(kind):
            table = table.set_column(table.schema.get_field_index(name), name, table[name].cast(kind.value_type))
    return table


def commit_merge(connection: sqlite3.Connection, merge: Merge) -> None:
    """List the new file and strike the old ones, inside the writer's transaction; those struck since are lost with it.

    A file that was removed meanwhile had been too old, and so is what was made of it: it goes with the next pass.
    """
    connection.execute("INSERT INTO file VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", astuple(merge.file))
    connection.executemany("DELETE FROM file WHERE path = ?", [(path,) for path in merge.paths])
