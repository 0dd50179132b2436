"""This file writes a snapshot for other programs; it guards that a value that is not there stays one that is not there.

Parquet is long: one row for each value and each event. COMTRADE is IEC 60255-24:2013 with FLOAT32 data and a timestamp
in each record; a value that is not there is the standard's mark for that, the float32 FF7FFFFF hex.
"""

import math
import re
import struct
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from isolane.core.failures import IsolaneError

if TYPE_CHECKING:
    from isolane.wire.snapshot_file.content import Content, Line
    from isolane.wire.snapshot_file.manifest import Manifest

_MISSING = struct.unpack("<f", bytes.fromhex("ffff7fff"))[0]
_US_MAX = 0xFFFF_FFFE
_FAST_MS = 1000
_COLUMNS = ("t", "kind", "charger", "what", "unit", "value", "text")
_TIME_CODES = ((1e-6, "4"), (1e-5, "5"), (1e-4, "6"), (1e-3, "7"), (1e-2, "8"), (1e-1, "9"), (1.0, "A"), (10.0, "B"))
"""Clock quality by the greatest error, s; F is none of them."""


def write_parquet(path: Path, told: "Content") -> int:
    """Write a long table; give its rows.

    Raises:
        IsolaneError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa  # type: ignore[import-untyped]
        from pyarrow import parquet
    except ImportError as error:
        raise IsolaneError("Parquet needs pyarrow", 'pip install "isolane[center]"') from error
    columns: dict[str, list[object]] = {name: [] for name in _COLUMNS}
    for line in told.lines:
        kind = "wave" if 0 < line.step_ms < _FAST_MS else "health"
        for name, one in (("kind", kind), ("charger", line.charger), ("what", line.key), ("unit", line.unit)):
            columns[name] += [one] * line.t_ms.size
        columns["t"] += line.t_ms.tolist()
        columns["value"] += [None if math.isnan(value) else value for value in line.values.tolist()]
        columns["text"] += [line.quality.get(at, "") for at in range(line.t_ms.size)]
    for each in told.happenings:
        row = (each.t_ms, each.kind, each.charger, each.what, "", None, each.text)
        for name, cell in zip(_COLUMNS, row, strict=True):
            columns[name].append(cell)
    types = {"t": pa.timestamp("ms", "UTC"), "value": pa.float64()}
    table = pa.table({name: pa.array(columns[name], types.get(name, pa.string())) for name in _COLUMNS})
    parquet.write_table(table, path, compression="zstd")
    return int(table.num_rows)


def write_comtrade(path: Path, told: "Content", manifest: "Manifest") -> list[Path]:
    """Write a pair of .cfg and .dat for each rate that rows have; give the .cfg files, the slowest rate's first.

    Args:
        path: The slowest rate's .cfg; the others have their step, ms, in their name.
        told: What is in the snapshot.
        manifest: Of it.
    """
    rates: dict[int, list[Line]] = defaultdict(list)
    for line in told.lines:
        if line.t_ms.size:
            rates[line.step_ms].append(line)
    written: list[Path] = []
    for step_ms in sorted(rates, reverse=True):
        config = path.with_suffix(".cfg") if not written else path.with_name(f"{path.stem}-{step_ms}ms.cfg")
        text, data = comtrade(rates[step_ms], manifest)
        config.write_text(text, encoding="ascii", newline="")
        config.with_suffix(".dat").write_bytes(data)
        written.append(config)
    return written


def comtrade(lines: Sequence["Line"], manifest: "Manifest") -> tuple[str, bytes]:
    """Give the configuration and the data of some lines."""
    t_ms = np.unique(np.concatenate([line.t_ms for line in lines]))
    values = np.full((len(lines), t_ms.size), np.nan)
    for at, line in enumerate(lines):
        values[at, np.searchsorted(t_ms, line.t_ms)] = line.values
    first, length_ms = int(t_ms[0]), int(t_ms[-1] - t_ms[0])
    multiplier = 1 if length_ms * 1000 <= _US_MAX else 1000
    triggers = [each.t_ms for each in manifest.triggers if first <= each.t_ms <= first + length_ms]
    rows = [f"{_word(manifest.site)},{_word(manifest.gateway)},2013", f"{len(lines)},{len(lines)}A,0D"]
    for at, line in enumerate(lines, 1):
        finite = values[at - 1][np.isfinite(values[at - 1])]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
        rows.append(f"{at},{_word(line.name)},,,{_word(line.unit)},1,0,0,{low:.9g},{high:.9g},1,1,P")
    rows += ["0", "0", f"0,{t_ms.size}", _moment(first), _moment(min(triggers, default=first)), "FLOAT32"]
    rows += [str(multiplier), "0,0", f"{_clock(manifest)},0"]
    record = np.dtype([("number", "<u4"), ("time", "<u4"), ("values", "<f4", (len(lines),))])
    data = np.zeros(t_ms.size, record)
    data["number"] = np.arange(1, t_ms.size + 1)
    data["time"] = (t_ms - first) * (1000 // multiplier)
    data["values"] = np.where(np.isfinite(values), values, _MISSING).T
    return "".join(f"{row}\r\n" for row in rows), data.tobytes()


def _word(text: str) -> str:
    """Give a text as a field may hold it: 64 plain letters, no comma."""
    return re.sub(r"[^ -+\--~]", "_", text)[:64]


def _moment(t_ms: int) -> str:
    try:
        return datetime.fromtimestamp(t_ms / 1000, UTC).strftime("%d/%m/%Y,%H:%M:%S.%f")
    except (ValueError, OverflowError, OSError) as error:
        raise IsolaneError(f"COMTRADE cannot tell the time {t_ms} ms after 1970") from error


def _clock(manifest: "Manifest") -> str:
    """Give the code of how good the clock was; F where that is not known."""
    told = manifest.clock[0] if manifest.clock else {}
    try:
        error_s = float(told["error_s"]) + abs(float(told.get("offset_s", "0")))
    except (KeyError, ValueError):
        return "F"
    return next((code for most_s, code in _TIME_CODES if error_s <= most_s), "F")
