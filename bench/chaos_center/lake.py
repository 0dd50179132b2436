"""This file reads a lake without the center's code; it guards that what its book lists is what is there."""

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq  # type: ignore[import-untyped]


class Lake:
    """A lake at rest.

    Args:
        folder: Of the telemetry store; nobody writes there.

    Attributes:
        strays: Files that are not listed, and listed ones that are not there.
    """

    def __init__(self, folder: Path) -> None:
        with closing(sqlite3.connect(folder / "hot.sqlite3")) as file:
            self._listed = file.execute("SELECT path, kind, to_ms FROM file").fetchall()
        lake = folder / "lake"
        here = {str(path.relative_to(lake)) for path in lake.rglob("*") if path.is_file()}
        self.strays = sorted(here ^ {path for path, _, _ in self._listed})
        self._counts: Counter[tuple[str, str]] = Counter()
        self._sums: Counter[tuple[str, str]] = Counter()
        for path in [path for path, kind, _ in self._listed if kind == "hour" and path in here]:
            table = pq.read_table(lake / path, columns=["device", "signal", "good", "total"], partitioning=None)
            columns = (table[name].to_pylist() for name in ("device", "signal", "good", "total"))
            for device, signal, good, total in zip(*columns, strict=True):
                self._counts[device, signal] += good
                self._sums[device, signal] += round(total)

    def hours(self, device: str, signal: str) -> tuple[int, int]:
        """Give how many samples a signal's hours count, and their sum."""
        return self._counts[device, signal], self._sums[device, signal]

    def kept_before(self, before_ms: int) -> int:
        """Count the files of samples and minutes that end before an instant."""
        return sum(kind != "hour" and to_ms <= before_ms for _, kind, to_ms in self._listed)
