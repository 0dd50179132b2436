"""This file writes a year to disk; it guards that no more than a day of one charger is in memory.

One table for each charger: column `t`, UTC second, and a column for each signal under its key. A gap is an empty field
in CSV and null in Parquet. Rows are a second apart, or `idle_step_s` between sessions.
"""

import io
import math
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Self

import numpy as np

from isolane.core.failures import IsolaneError
from isolane.sim.years.sensors import unit_and_step
from isolane.sim.years.year import Chunk


def write_csv(chunks: Iterable[Chunk], path: Path) -> None:
    """Write one charger's chunks as CSV.

    Args:
        chunks: Of one charger, in order.
        path: The file.

    Raises:
        IsolaneError: The file cannot be written.
    """
    with _Csv(path) as table:
        for chunk in chunks:
            table.add(chunk)


def write_parquet(chunks: Iterable[Chunk], path: Path) -> None:
    """Write one charger's chunks as Parquet, zstd.

    Args:
        chunks: Of one charger, in order.
        path: The file.

    Raises:
        IsolaneError: The file cannot be written, or pyarrow is not installed.
    """
    with _Parquet(path) as table:
        for chunk in chunks:
            table.add(chunk)


def write_tables(chunks: Iterable[Chunk], folder: Path, form: str) -> Iterator[Chunk]:
    """Write the chunks of a whole site, a file ``<charger>.csv`` or ``<charger>.parquet`` each, and hand them on.

    Args:
        chunks: Of a site, in order.
        folder: Is made if need be.
        form: "csv" or "parquet".

    Raises:
        IsolaneError: A file cannot be written, or pyarrow is not installed.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise IsolaneError(f"cannot make {folder}: {error.strerror}", "give another folder") from error
    tables: dict[str, _Csv | _Parquet] = {}
    with ExitStack() as stack:
        for chunk in chunks:
            if chunk.charger not in tables:
                path = folder / f"{chunk.charger}.{form}"
                tables[chunk.charger] = _Parquet(path) if form == "parquet" else _Csv(path)
                stack.enter_context(tables[chunk.charger])
            tables[chunk.charger].add(chunk)
            yield chunk


class _Opened:
    """A file being written."""

    def __init__(self, path: Path) -> None:
        try:
            self._file: IO[bytes] = path.open("wb")
        except OSError as error:
            raise IsolaneError(f"cannot write {path}: {error.strerror}", "give another path") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


class _Csv(_Opened):
    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._keys: list[str] = []

    def add(self, chunk: Chunk) -> None:
        if not self._keys:
            self._keys = list(chunk.signals)
            self._file.write(",".join(["t", *self._keys]).encode() + b"\n")
        rows = np.column_stack([_times(chunk), *(chunk.signals[key] for key in self._keys)])
        text = io.StringIO()
        np.savetxt(text, rows, fmt=["%d", *(f"%.{_places(key)}f" for key in self._keys)], delimiter=",")
        self._file.write(text.getvalue().replace("nan", "").encode())


class _Parquet(_Opened):
    def __init__(self, path: Path) -> None:
        try:
            import pyarrow as pa  # type: ignore[import-untyped] # noqa: PLC0415 - only who wants Parquet needs it
            from pyarrow import parquet  # noqa: PLC0415 - likewise
        except ImportError as error:
            what = "Parquet needs pyarrow, which is not installed"
            raise IsolaneError(what, "pip install 'isolane[center]', or --format csv") from error
        super().__init__(path)
        self._arrow, self._parquet = pa, parquet
        self._writer: Any = None

    def add(self, chunk: Chunk) -> None:
        columns = {"t": _times(chunk), **chunk.signals}
        arrays = [self._arrow.array(values, from_pandas=True) for values in columns.values()]
        table = self._arrow.Table.from_arrays(arrays, names=list(columns))
        if self._writer is None:
            self._writer = self._parquet.ParquetWriter(self._file, table.schema, compression="zstd")
        self._writer.write_table(table)

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()
        super().__exit__()


def _times(chunk: Chunk) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return chunk.start_utc + chunk.step_s * np.arange(len(chunk), dtype=np.int64)


def _places(key: str) -> int:
    """Give the decimal places that a signal's resolution needs."""
    return max(0, -math.floor(math.log10(unit_and_step(key)[1])))
