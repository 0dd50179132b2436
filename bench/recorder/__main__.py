"""This file measures the black box's ring; it guards that the page about it tells what a gateway really spends."""

import asyncio
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from isolane.config.site import Site
from isolane.core.clock import SystemClock
from isolane.core.signals import Signal
from isolane.health.recorder.recorder import Recorder
from isolane.health.recorder.settings import RecorderSettings
from isolane.wire.schema import Schema

CHARGERS, SIGNALS, ROWS, FLUSH_ROWS = 50, 50, 3600, 5
CHANGING = 0.52
T0_MS = 1_700_000_000_000
KEYS = ("1.1/PowerContactor/Active", "1.0/EVSE/DCCurrent", "0.0/CaseAccessSensor/Active")


def _schema() -> Schema:
    letters = "abcdefghij"
    keys = [*KEYS, *(f"1.0/EVSE/x{letters[at // 10]}{letters[at % 10]}" for at in range(len(KEYS), SIGNALS))]
    return Schema.of(tuple(Signal(f"CP-{charger}", key, "A", 0.1) for charger in range(CHARGERS) for key in keys))


async def measure(folder: Path) -> None:
    """Feed an hour of rows as fast as they are taken, and print what that took."""
    site, schema = Site(name="bench", gateway="bench", run_dir=folder), _schema()
    recorder = Recorder(RecorderSettings(), folder / "box", site, SystemClock(), set(), lambda _: None)
    random, size = np.random.default_rng(1), CHARGERS * SIGNALS
    values, codes, loop_ns = np.full(size, 10, np.int64), np.zeros(size, np.uint8), 0
    states = np.arange(size) % SIGNALS
    moves = (random.random((ROWS, size)) < CHANGING) & (states > 1) & (states != KEYS.index(KEYS[2]))
    before = resource.getrusage(resource.RUSAGE_SELF)
    for row in range(ROWS):
        values = values + moves[row] * ((row * 7 + states) % 7 - 3)
        begun = time.perf_counter_ns()
        recorder.row(0, schema, 1000, T0_MS + 1000 * row, values, codes)
        loop_ns += time.perf_counter_ns() - begun
        if row % FLUSH_ROWS == FLUSH_ROWS - 1:
            await recorder.flush()
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    written = recorder.keeper.ring.counts.written_bytes
    sys.stdout.write(
        f"processor {1000 * cpu_s / ROWS:.2f} ms for each second, {loop_ns / 1e6 / ROWS:.2f} ms of it on the loop\n"
        f"memory {(after.ru_maxrss - before.ru_maxrss) / 1024:.0f} MB\n"
        f"disk {written / ROWS / 1000:.2f} kB/s, {written / ROWS / size:.2f} bytes a sample\n"
    )
    await recorder.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(measure(Path(name)))
