"""This file asks the lake for steps through DuckDB; it guards that nothing from outside reaches the SQL text.

Reading is limited to the files that the hot store's book lists, so a file that is half written or already replaced is
never seen. A step of whole hours is read from the files of hours, one of whole minutes from those of minutes, any other
from the raw ones. Files of older releases lack the columns of floats and of thinning; they read as if these were empty.
"""

import sqlite3
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np

from isolane.center.store.lake import HOUR, MINUTE, RAW
from isolane.center.store.minutes import DEVIATION, as_signal, signal_of, with_sums
from isolane.center.store.partials import Partials
from isolane.center.store.steps import HOUR_MS, MINUTE_MS

_COUNTS = ("good", "stale", "bad", "reasons", "interval_ms", "rungs")
_RAW_SQL = """
SELECT signal, resolution, unit, t_ms // $step AS bucket,
    coalesce(min(value)::DOUBLE, min(real)) AS low, coalesce(max(value)::DOUBLE, max(real)) AS high,
    coalesce(sum(value)::DOUBLE, sum(real)) AS total,
    count(*) FILTER (code & 3 = 0) AS good, count(*) FILTER (code & 3 = 1) AS stale,
    count(*) FILTER (code & 3 = 2) AS bad,
    bit_or(CASE WHEN code & 3 = 2 THEN 1::BIGINT << (code >> 2)::BIGINT ELSE 0 END) AS reasons,
    max(step_ms) AS interval_ms, coalesce(bit_or(rungs), 0) AS rungs, coalesce(max(bound), 0) AS bound
FROM (
    SELECT NULL::DOUBLE AS real, NULL::BIGINT AS rungs, NULL::BIGINT AS bound WHERE false
    UNION ALL BY NAME SELECT * FROM read_parquet($files, hive_partitioning = false, union_by_name = true)
)
WHERE device = $device AND list_contains($signals, signal) AND t_ms >= $begin AND t_ms < $end
GROUP BY ALL ORDER BY ALL
"""
_MINUTE_SQL = """
SELECT signal, resolution, unit, t_ms // $step AS bucket,
    coalesce(min(low)::DOUBLE, min(real_low)) AS low, coalesce(max(high)::DOUBLE, max(real_high)) AS high,
    sum(total) AS total,
    sum(good)::BIGINT AS good, sum(stale)::BIGINT AS stale, sum(bad)::BIGINT AS bad, bit_or(reasons) AS reasons,
    max(step_ms) AS interval_ms, coalesce(bit_or(rungs), 0) AS rungs, coalesce(max(bound), 0) AS bound
FROM (
    SELECT NULL::DOUBLE AS real_low, NULL::DOUBLE AS real_high, NULL::BIGINT AS rungs, NULL::BIGINT AS bound
    WHERE false
    UNION ALL BY NAME SELECT * FROM read_parquet($files, hive_partitioning = false, union_by_name = true)
)
WHERE device = $device AND list_contains($signals, signal) AND t_ms >= $begin AND t_ms < $end
GROUP BY ALL ORDER BY ALL
"""


def kind_for(step_ms: int) -> str:
    """Choose which files answer a step."""
    if step_ms % MINUTE_MS:
        return RAW
    return MINUTE if step_ms % HOUR_MS else HOUR


def find_files(connection: sqlite3.Connection, site: str, kind: str, span: tuple[int, int]) -> list[str]:
    """Find the files of a kind that reach into a span; for hours also minutes of which there are none."""
    rows = connection.execute(
        "SELECT path FROM file WHERE site = ? AND from_ms < ? AND to_ms > ?"
        " AND (kind = ? OR (? = 'hour' AND kind = 'minute' AND has_hours = 0))",
        (site, span[1], span[0], kind, kind),
    )
    return [path for (path,) in rows]


class LakeReader:
    """One DuckDB in memory; each question runs on a cursor of its own, so that threads can ask at once.

    Args:
        folder: The lake's folder.
        threads: How many threads DuckDB may use.
        memory_mb: Bound of its memory.
    """

    def __init__(self, folder: Path, *, threads: int, memory_mb: int) -> None:
        self._folder = folder
        settings: dict[str, str | bool | int | float | list[str]] = {
            "threads": threads,
            "memory_limit": f"{memory_mb}MB",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        self._duck = duckdb.connect(config=settings)

    def close(self) -> None:
        """Let go of DuckDB."""
        self._duck.close()

    def steps(
        self, paths: Sequence[str], device: str, signals: Sequence[str], span: tuple[int, int], step_ms: int
    ) -> dict[str, list[tuple[str, float, Partials]]]:
        """Fold what some files hold of some signals: (unit, resolution, steps) by signal.

        Raises:
            OSError: A file is away or damaged.
        """
        if not paths:
            return {}
        values = {
            "files": [str(self._folder / path) for path in paths],
            "device": device,
            "signals": with_sums(signals),
            "begin": span[0],
            "end": span[1],
            "step": step_ms,
        }
        sql = _RAW_SQL if kind_for(step_ms) == RAW else _MINUTE_SQL
        with self._duck.cursor() as cursor:
            try:
                rows = cursor.execute(sql, values).fetchnumpy()
            except duckdb.Error as error:
                raise OSError(f"the lake cannot be read: {error}") from error
        return _told(_split(rows), signals)


def _told(
    found: dict[str, list[tuple[str, float, Partials]]], signals: Sequence[str]
) -> dict[str, list[tuple[str, float, Partials]]]:
    """Read a minute's sums as their signals; what was asked by its own name stays what it is."""
    out = {key: parts for key, parts in found.items() if key in signals}
    for key, parts in found.items():
        signal, kind = signal_of(key)
        if kind and kind != DEVIATION and signal in signals:
            sums = [(unit, step, as_signal(part, kind)) for unit, step, part in parts]
            out[signal] = [*sums, *out.get(signal, [])]
    return out


def _split(rows: dict[str, np.ndarray]) -> dict[str, list[tuple[str, float, Partials]]]:
    """Cut rows, sorted by signal, resolution and unit, into one partial each."""
    signal, resolution, unit = rows["signal"], rows["resolution"], rows["unit"]
    if not len(signal):
        return {}
    new = (signal[1:] != signal[:-1]) | (resolution[1:] != resolution[:-1]) | (unit[1:] != unit[:-1])
    edges = [0, *(np.flatnonzero(new) + 1).tolist(), len(signal)]
    out: dict[str, list[tuple[str, float, Partials]]] = {}
    for first, last in pairwise(edges):
        step = float(resolution[first])
        scale = step or 1.0
        good, stale, bad, reasons, interval_ms, rungs = (rows[name][first:last].astype(np.int64) for name in _COUNTS)
        part = Partials(
            rows["bucket"][first:last].astype(np.int64),
            _filled(rows["low"][first:last], np.inf) * scale,
            _filled(rows["high"][first:last], -np.inf) * scale,
            _filled(rows["total"][first:last], 0.0) * scale,
            good,
            stale,
            bad,
            reasons,
            interval_ms,
            rungs,
            rows["bound"][first:last].astype(float) * step,
        )
        out.setdefault(str(signal[first]), []).append((str(unit[first]), step, part))
    return out


def _filled(values: np.ndarray, instead: float) -> np.ndarray:
    """Replace SQL nulls."""
    return (
        np.ma.filled(values.astype(float), instead) if isinstance(values, np.ma.MaskedArray) else values.astype(float)
    )
