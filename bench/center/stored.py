"""This file measures a telemetry store behind the intake; it guards that "at rest" counts every file of the samples."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from bench.center.intake import Pace, brought, opened
from bench.center.queries import Took, charted
from bench.center.samples import GATEWAY, SITE, History, keys, walk
from bench.center.servers import size_bytes

from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.database import open_database
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.settings import StoreSettings
from isolane.center.store.victoria_telemetry import VictoriaTelemetry, open_telemetry
from isolane.center.store.views import SeriesQuery
from isolane.wire.block import Block, BlockKey, encode, gateway_tag
from isolane.wire.schema import Schema
from isolane.wire.uplink import Up

Receive = Callable[..., Coroutine[Any, Any, Any]]

BLOCK_ROWS, LIVE_ROWS = 60, 1
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
DEVICE = "CP-01"
_PAST, _PAST_ROWS = "CP-past", 1440
_LATE_MS = 2 * DAY_MS
"""What arrived just now is old enough to leave the hot store when it is so much later."""
_SCREEN_POINTS = 1500
"""Of a chart on a wide screen."""
_TAILS = 50


@dataclass(frozen=True)
class Load:
    """What a store is given.

    Attributes:
        old: Leaves the hot store.
        new: Follows it, and stays there.
        live: The same hour in blocks of one row.
        year_days: Of a past of four signals, a row each `year_step_ms`, that a chart is drawn of.
        year_step_ms: See there.
    """

    old: History
    new: History
    live: History
    year_days: int
    year_step_ms: int


@dataclass(frozen=True)
class Stored:
    """What was found.

    Attributes:
        taken: Pace of blocks of 60 rows into the hot store, acknowledged.
        rested: The same, to where they rest.
        live: Pace of blocks of one row, into the hot store.
        raw_bytes: Of a sample at full rate at rest.
        rest_bytes: Of a sample at rest with its rollups.
        charts: How long questions took.
    """

    taken: Pace
    rested: Pace
    live: Pace
    raw_bytes: float
    rest_bytes: float
    charts: list[Took]


@dataclass(frozen=True)
class Beside:
    """A server that holds samples for the store: its processor time so far, s, and its size at rest, bytes."""

    cpu_s: Callable[[], float]
    rest_bytes: Callable[[], int]


async def measure(folder: Path, settings: StoreSettings, load: Load, beside: Beside | None = None) -> Stored:
    """Fill a store and ask it."""
    catalogue = SqlCatalogue(open_database(folder / "catalogue.sqlite3"))
    telemetry = open_telemetry(folder / "telemetry", settings)
    lake = folder / "telemetry/lake"
    try:
        async with opened(catalogue, telemetry) as intake:
            begun = beside.cpu_s() if beside else 0.0
            taken = await brought(intake, load.old.schema, load.old.blocks(1, BLOCK_ROWS), load.old.samples)
            moved = await _moved(telemetry)
            other_s = beside.cpu_s() - begun if beside else 0.0
            rested = Pace(taken.samples, taken.wall_s + moved.wall_s, taken.cpu_s + moved.cpu_s + other_s)
            in_lake, full = size_bytes(lake), size_bytes(lake / "raw")
            raw = beside.rest_bytes() if beside else full
            await brought(intake, load.new.schema, load.new.blocks(2, BLOCK_ROWS), load.new.samples)
            live = await brought(intake, load.live.schema, load.live.blocks(3, LIVE_ROWS), load.live.samples)
            tail = await _tail(telemetry, intake.receive, load)
            await _past(intake.receive, load)
            await _moved(telemetry)
        charts = [tail, *await _charts(telemetry, load)]
    finally:
        await telemetry.close()
        await catalogue.close()
    samples = load.old.samples
    return Stored(taken, rested, live, raw / samples, (raw + in_lake - full) / samples, charts)


async def _moved(telemetry: EmbeddedTelemetry) -> Pace:
    """Let everything leave the hot store, and measure it."""
    wall, cpu, count = time.perf_counter(), time.process_time(), 0
    is_all = False
    while not is_all:
        if isinstance(telemetry, VictoriaTelemetry):
            await telemetry.send(time.time_ns() // 1_000_000)
            await asyncio.sleep(2)  # until VictoriaMetrics has what it took on its disk, as `settle_s` says
        while moved := await telemetry.roll(time.time_ns() // 1_000_000 + _LATE_MS):
            count += moved
        is_all = not (isinstance(telemetry, VictoriaTelemetry) and telemetry.waiting_blocks)
    if not count:
        raise SystemExit("center: no block left the hot store")
    return Pace(count, time.perf_counter() - wall, time.process_time() - cpu)


async def _tail(telemetry: EmbeddedTelemetry, receive: Receive, load: Load) -> Took:
    """Measure from a block's arrival to its row at a listener."""
    rows = History(load.live.chargers, load.live.to_ms, load.live.values[:, : _TAILS + 1])
    took: list[float] = []
    async with telemetry.listen(SITE, DEVICE) as heard:
        for data in rows.blocks(4, LIVE_ROWS):
            begun = time.perf_counter()
            sending = asyncio.ensure_future(receive(SITE, GATEWAY, Up.BLOCK, data))
            await anext(heard)
            took.append((time.perf_counter() - begun) * 1000)
            await sending
    return Took("live tail, from arrival to a listener", took[0], median(took[1:]), max(took[1:]), len(took))


async def _past(receive: Receive, load: Load) -> None:
    """Give a charger of four signals its past."""
    schema = Schema.of(tuple(replace(load.old.signals[at], charger=_PAST) for at in _places(load)))
    await receive(SITE, GATEWAY, Up.SCHEMA, schema.json)
    step_ms, tag = load.year_step_ms, gateway_tag(SITE, GATEWAY)
    count = load.year_days * DAY_MS // (step_ms * _PAST_ROWS)
    values = walk(len(schema.columns), count * _PAST_ROWS)
    begin = load.new.to_ms - count * _PAST_ROWS * step_ms
    for number in range(count):
        part = np.ascontiguousarray(values[:, number * _PAST_ROWS : (number + 1) * _PAST_ROWS])
        t0_ms = begin + number * _PAST_ROWS * step_ms
        key = BlockKey(begin, 5, number + 1)
        block = Block(key, schema.id, t0_ms, step_ms, part, np.zeros(part.shape, np.uint8))
        await receive(SITE, GATEWAY, Up.BLOCK, encode(block, tag))


def _places(load: Load) -> list[int]:
    return [[signal.key for signal in load.old.signals].index(key) for key in keys()]


async def _charts(telemetry: EmbeddedTelemetry, load: Load) -> list[Took]:
    end = load.new.to_ms
    return [
        await charted(telemetry, f"{what} x 4 signals", SeriesQuery(SITE, device, keys(), end - span_ms, end, points))
        for what, device, span_ms, points in (
            ("1 h, every sample,", DEVICE, HOUR_MS, 3600),
            ("24 h", DEVICE, DAY_MS, _SCREEN_POINTS),
            (f"{load.year_days} d", _PAST, load.year_days * DAY_MS, _SCREEN_POINTS),
        )
    ]
