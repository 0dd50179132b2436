"""This file measures the center's store behind its intake; it guards that both are the real ones, on a real disk."""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from isolane.center.ingest.counters import IngestCounters
from isolane.center.ingest.intake import Intake
from isolane.center.ingest.settings import CommitSettings
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.database import open_database
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.settings import StoreSettings
from isolane.center.store.views import SeriesQuery
from isolane.core.signals import Signal
from isolane.wire.block import Block, BlockKey, encode, gateway_tag
from isolane.wire.schema import Schema
from isolane.wire.uplink import Up

SITE, SIGNALS, CHANGING = "depot", 50, 0.52
HOUR_MS = 3_600_000
KEYS = [f"1.0/TemperatureSensor[s{number}]/Temperature" for number in range(SIGNALS)]


@dataclass(frozen=True)
class Charger:
    """One charger behind a gateway of its own."""

    number: int
    random: np.random.Generator

    @property
    def gateway(self) -> str:
        """Name of its gateway."""
        return f"gw-{self.number}"

    @property
    def schema(self) -> Schema:
        """Its signals."""
        return Schema.of(tuple(Signal(f"CP-{self.number}", key, "Celsius", 0.1) for key in KEYS))

    def blocks(self, stream: int, from_ms: int, to_ms: int, rows: int) -> list[bytes]:
        """Make blocks of 1 Hz samples, half of which change."""
        schema, tag, made = self.schema.id, gateway_tag(SITE, self.gateway), []
        for at, t0_ms in enumerate(range(from_ms, to_ms, rows * 1000)):
            moves = self.random.integers(-2, 3, (SIGNALS, rows)) * (self.random.random((SIGNALS, rows)) < CHANGING)
            block = Block(
                BlockKey(from_ms, stream, at + 1),
                schema,
                t0_ms,
                1000,
                moves.cumsum(1) + 500,
                np.zeros_like(moves, "u1"),
            )
            made.append(encode(block, tag))
        return made


class Bench:
    """An open center without its network."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.catalogue = SqlCatalogue(open_database(folder / "catalogue.sqlite3"))
        self.telemetry = EmbeddedTelemetry(folder / "telemetry", StoreSettings(hot_minutes=60))
        self.intake = Intake(self.catalogue, self.telemetry, CommitSettings(), IngestCounters())

    async def take(self, charger: Charger, blocks: Sequence[bytes]) -> None:
        """Commit blocks as a link would bring them: many on their way at once."""
        await self.intake.receive(SITE, charger.gateway, Up.SCHEMA, charger.schema.json)
        for at in range(0, len(blocks), 256):
            part = blocks[at : at + 256]
            await asyncio.gather(*(self.intake.receive(SITE, charger.gateway, Up.BLOCK, data) for data in part))

    async def taken(self, what: str, chargers: Sequence[Charger], made: Sequence[list[bytes]], rows: int) -> None:
        """Measure how fast blocks are committed."""
        wall, cpu = time.perf_counter(), time.process_time()
        for charger, blocks in zip(chargers, made, strict=True):
            await self.take(charger, blocks)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        count = sum(map(len, made))
        samples = count * rows * SIGNALS
        row(f"ingest, {what}", f"{count / wall:,.0f} blocks/s", f"{samples / wall / 1e6:.2f} M samples/s")
        row("", f"{count / cpu:,.0f} blocks/s/core", f"{samples / cpu / 1e6:.2f} M samples/s/core")

    async def asked(self, what: str, from_ms: int, to_ms: int, points: int) -> None:
        """Measure a chart of four signals, the best and the worst of five."""
        query = SeriesQuery(SITE, "CP-0", tuple(KEYS[:4]), from_ms, to_ms, points)
        took = []
        for _ in range(5):
            begun = time.perf_counter()
            answer = await self.telemetry.series(query)
            took.append((time.perf_counter() - begun) * 1000)
        count = sum(len(series.t_ms) for series in answer.signals)
        row(
            f"chart, {what}",
            f"{min(took):.0f} to {max(took):.0f} ms",
            f"{count} points, step {answer.step_ms // 1000} s",
        )


def row(*cells: str) -> None:
    """Print one line of the table."""
    print(f"{cells[0]:<44}{cells[1]:>24}{cells[2]:>34}")


async def measure(chargers_count: int, folder: Path) -> None:
    """Run all measurements."""
    bench = Bench(folder)
    running = asyncio.create_task(bench.intake.run())
    random = np.random.default_rng(1)
    chargers = [Charger(number, random) for number in range(chargers_count)]
    now_ms = time.time_ns() // 1_000_000 // 60_000 * 60_000
    begin_ms = now_ms - 25 * HOUR_MS
    made = [charger.blocks(1, begin_ms, now_ms - HOUR_MS, 60) for charger in chargers]
    await bench.taken("60-row blocks, 24 h", chargers, made, 60)
    begun = time.perf_counter()
    moved = await bench.telemetry.roll(now_ms + 2 * HOUR_MS)
    samples = moved * 60 * SIGNALS
    row("roll into the lake", f"{time.perf_counter() - begun:.1f} s", f"{samples / 1e6:.1f} M samples")
    for kind in ("raw", "minute"):
        size = sum(path.stat().st_size for path in (folder / "telemetry/lake" / kind).rglob("*.parquet"))
        row(f"lake, {kind}", f"{size / samples:.3f} B/sample", f"{size / 1e6:.1f} MB")
    live = [charger.blocks(2, now_ms - HOUR_MS, now_ms, 1) for charger in chargers[:3]]
    await bench.taken("1-row blocks, 1 h", chargers[:3], live, 1)
    await bench.asked("1 h of 1-row blocks, hot", now_ms - HOUR_MS, now_ms, 600)
    await bench.asked("1 h of 1-row blocks, hot, every sample", now_ms - HOUR_MS, now_ms, 3600)
    await bench.asked("6 h, lake, raw", now_ms - 8 * HOUR_MS, now_ms - 2 * HOUR_MS, 1440)
    await bench.asked("24 h, lake and hot, minutes", now_ms - 24 * HOUR_MS, now_ms, 600)
    await bench.asked("24 h, lake and hot, every minute", now_ms - 24 * HOUR_MS, now_ms, 1500)
    begun = time.perf_counter()
    fleet = await bench.telemetry.fleet()
    row("fleet at a glance", f"{(time.perf_counter() - begun) * 1000:.1f} ms", f"{len(fleet)} chargers")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await bench.telemetry.close()
    await bench.catalogue.close()


def main() -> None:
    """Read the options and measure."""
    parser = argparse.ArgumentParser(prog="python -m bench.center", description=__doc__)
    parser.add_argument("--chargers", type=int, default=10, help="chargers of 50 signals at 1 Hz (10)")
    parser.add_argument("--folder", type=Path, help="where the stores are made, to measure a certain disk")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        asyncio.run(measure(options.chargers, Path(folder)))


if __name__ == "__main__":
    main()
