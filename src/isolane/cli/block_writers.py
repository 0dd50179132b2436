"""This file writes samples as CSV, JSON lines or Parquet; it guards that no more than a batch of them is in memory."""

import contextlib
import csv
import io
import itertools
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import astuple, fields
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

from isolane.cli.block_samples import Sample
from isolane.core.failures import IsolaneError

_NAMES = [field.name for field in fields(Sample)]
_AT_ONCE = 50_000
_PLACES_MAX = 40


def write(samples: Iterable[Sample], form: str, out: Path | None) -> None:
    """Write samples.

    Args:
        samples: What to write.
        form: "csv", "json" or "parquet".
        out: A file; None for standard output.

    Raises:
        IsolaneError: The file cannot be written, or Parquet's package is not installed.
    """
    # What is wrong with the input is said before anything is written.
    each = iter(samples)
    samples = itertools.chain(list(itertools.islice(each, 1)), each)
    writer = {"csv": _csv, "json": _json, "parquet": _parquet}[form]
    with _opened(out) as file:
        writer(samples, file)


@contextlib.contextmanager
def _opened(out: Path | None) -> Iterator[IO[bytes]]:
    if out is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        file = out.open("wb")
    except OSError as error:
        raise IsolaneError(f"cannot write {out}: {error.strerror}", "give another path with --out") from error
    with file:
        yield file


def _csv(samples: Iterable[Sample], file: IO[bytes]) -> None:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    try:
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(_NAMES)
        rows.writerows(map(_plain, samples))
    finally:
        text.detach()  # else it would close the file, which may be standard output


def _json(samples: Iterable[Sample], file: IO[bytes]) -> None:
    for sample in samples:
        # A number is written as the decimal it is, not as the nearest float.
        parts = zip(_NAMES, _plain(sample), strict=True)
        told = ", ".join(f'"{name}": {_literal(name, value)}' for name, value in parts)
        file.write(f"{{{told}}}\n".encode())


def _literal(name: str, value: object) -> str:
    if name in {"value", "bound"} and value is not None:
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def _plain(sample: Sample) -> list[Any]:
    return [_digits(value) if isinstance(value, Decimal) else value for value in astuple(sample)]


def _digits(value: Decimal) -> str:
    """Write a decimal without an exponent, unless it is a float so large or small that nobody would read its zeros."""
    return f"{value:f}" if abs(value.adjusted()) <= _PLACES_MAX else str(value)


def _parquet(samples: Iterable[Sample], file: IO[bytes]) -> None:
    try:
        import pyarrow as pa  # type: ignore[import-untyped]
        from pyarrow import parquet
    except ImportError as error:
        raise IsolaneError("Parquet needs pyarrow, which is not installed", "pip install 'isolane[center]'") from error
    text, number, count = pa.string(), pa.float64(), pa.int64()
    types = {"value": number, "bound": number, "epoch": count, "stream": count, "sequence": count}
    schema = pa.schema([(name, types.get(name, text)) for name in _NAMES])
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        samples = iter(samples)
        while batch := list(itertools.islice(samples, _AT_ONCE)):
            columns = zip(*(_floats(sample) for sample in batch), strict=True)
            arrays = [pa.array(column, kind.type) for column, kind in zip(columns, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _floats(sample: Sample) -> list[Any]:
    return [float(value) if isinstance(value, Decimal) else value for value in astuple(sample)]
