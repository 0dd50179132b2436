"""This file is `python -m bench.chaos_health.wear`; it guards that the figures of wear are the kernel's, no sums.

It writes an outbox as a site of 500 signals does, half of whose samples change, and settles each block on its own.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

from isolane.core.clock import SystemClock
from isolane.core.signals import Signal
from isolane.health.outbox.records import Draft
from isolane.health.outbox.settings import OutboxSettings
from isolane.health.outbox.store import Store
from isolane.health.outbox.wear import Wear
from isolane.wire.schema import Schema

_SIGNALS, _ROWS, _DAY_S = 500, 1200, 86_400
_LINK = "main"


def main() -> int:
    """Print the table; 1 where the kernel does not count, as on a disk in memory."""
    print("block_rows | bytes written a block | bytes written a sample | a day at 1 Hz")
    for rows in (1, 10, 60):
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
            blocks = max(60, _ROWS // rows)
            written = _written(Path(folder) / "outbox.db", rows, blocks)
        if not written:
            print("the kernel does not count what is written here")
            return 1
        sample = written / (_SIGNALS * rows * blocks)
        print(f"{rows} | {written / blocks:.0f} | {sample:.1f} | {sample * _SIGNALS * _DAY_S / 1e9:.2f} GB")
    return 0


def _written(file: Path, rows: int, blocks: int) -> int:
    schema = Schema.of(tuple(Signal("CP-1", f"0.0/Wear[{number}]/Value", "", 1.0) for number in range(_SIGNALS)))
    store = Store(OutboxSettings(path=file), b"wear", SystemClock(), schema, frozenset({_LINK}))
    wear, rng = Wear(), np.random.default_rng(1)
    wear.counted(store.open)
    before = wear.written_bytes or 0
    last = np.zeros((_SIGNALS, 1), np.int64)
    codes = np.zeros((_SIGNALS, rows), np.uint8)
    for number in range(1, blocks + 1):
        moves = rng.integers(-5, 6, (_SIGNALS, rows)) * (rng.random((_SIGNALS, rows)) < 0.5)
        values = np.ascontiguousarray(last + np.cumsum(moves, axis=1))
        last = values[:, -1:]
        store.put(Draft(schema.id, 1_700_000_000_000 + number * rows * 1000, 1000, values, codes))
        store.settle(_LINK, [(store.epoch, 0, number)], [])
    wear.counted(lambda: None)
    written = (wear.written_bytes or 0) - before
    store.close()
    return written


if __name__ == "__main__":
    sys.exit(main())
