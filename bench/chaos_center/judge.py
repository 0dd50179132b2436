"""This file judges a soak by four books; it guards that every sample is held against the one that was sent.

For each gateway: what it produced, the center's ledger in the catalogue, every sample that a chart of the telemetry
store shows, and the sums of its hours. The first two must be equal; of the third each must be there once, with its own
value, but those in gaps; what is older than samples are kept must be gone, its hours must not. An alert about a hole
must have been there for the gateway that has one, and for no other.
"""

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
from bench.chaos_center.gateway import ROWS, STEP_MS, Gateway
from bench.chaos_center.ground import HOLE_RULE, RAW_DAYS, SETTLE_S, Ground
from bench.chaos_center.lake import Lake
from bench.chaos_center.samples import COLUMNS, SITE, schema_of, values_of
from bench.chaos_health.judge import Verdict
from sqlalchemy import select

from isolane.center.store.alert_tables import AlertRow
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.database import open_catalogue
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.port import Telemetry
from isolane.center.store.settings import StoreSettings, VictoriaSettings
from isolane.center.store.victoria_telemetry import VictoriaTelemetry, open_telemetry
from isolane.center.store.views import LedgerLine, SeriesQuery

_HOLES = select(AlertRow.subject).where(AlertRow.rule == HOLE_RULE).distinct()
_ROWS_AT_ONCE = 2000
_LEAVE_S = 120.0
_DAY_MS = 86_400_000
_LATE_MS = 3 * _DAY_MS
"""So far a worker's clock may have been ahead, which says when a block has come."""


def judge(gateways: Sequence[Gateway], ground: Ground) -> Verdict:
    """Compare, after all processes but the database and VictoriaMetrics have ended."""
    settings = StoreSettings(catalogue=ground.catalogue or None, raw_days=RAW_DAYS, minute_days=RAW_DAYS)
    if ground.victoria_url:
        far = VictoriaSettings(url=ground.victoria_url, settle_s=SETTLE_S)
        settings = msgspec.structs.replace(settings, telemetry=far)
    return asyncio.run(_judge(gateways, settings, ground.disk.folder))


async def _judge(gateways: Sequence[Gateway], settings: StoreSettings, data: Path) -> Verdict:
    verdict = Verdict()
    books = SqlCatalogue(open_catalogue(settings, data))
    telemetry = open_telemetry(data / "telemetry", settings)
    try:
        hot = await _left(telemetry, data / "telemetry/hot.sqlite3")
        verdict.check(f"{hot} blocks did not leave the hot store", holds=not hot)
        lines = {line.gateway: line for line in await books.ledger()}
        verdict.check(f"books of {sorted(lines)}", holds=set(lines) == {gateway.name for gateway in gateways})
        unread = await books.quarantine()
        verdict.check(f"{len(unread)} messages could not be read: {unread[:2]}", holds=not unread)
        subjects = set(await books.read(lambda session: session.scalars(_HOLES).all()))
        holed = {f"gateway/{SITE}/{gateway.name}" for gateway in gateways if gateway.books.holes}
        verdict.check(f"alerts about holes of {sorted(subjects)}, not {sorted(holed)}", holds=subjects == holed)
        lake = Lake(data / "telemetry")
        verdict.check(f"files of the lake in no book, or not there: {lake.strays[:3]}", holds=not lake.strays)
        old_ms = time.time_ns() // 1_000_000 - RAW_DAYS * _DAY_MS
        verdict.check(f"{lake.kept_before(old_ms)} files are too old", holds=not lake.kept_before(old_ms))
        for gateway in gateways:
            if line := lines.get(gateway.name):
                _ledger(verdict, gateway, line)
            _hours(verdict, gateway, lake)
            if gateway.epoch > old_ms:
                await _samples(verdict, gateway, telemetry)
    finally:
        await telemetry.close()
        await books.close()
    verdict.figures |= {
        "samples produced": sum(gateway.books.produced for gateway in gateways),
        "samples in gap records": sum(gateway.books.dropped for gateway in gateways),
        "blocks that came again": sum(line.duplicates for line in lines.values()),
    }
    return verdict


async def _left(telemetry: EmbeddedTelemetry, hot: Path) -> int:
    """Let all blocks go where they rest, and what was replaced; give how many blocks would not."""
    end = time.monotonic() + _LEAVE_S
    while True:
        now_ms = time.time_ns() // 1_000_000
        if isinstance(telemetry, VictoriaTelemetry):
            await telemetry.send(now_ms)
        await telemetry.roll(now_ms + _LATE_MS)
        with closing(sqlite3.connect(hot)) as file:
            (count,) = file.execute("SELECT count(*) FROM block").fetchone()
        if not count or time.monotonic() > end:
            await telemetry.roll(now_ms + _LATE_MS)
            return int(count)
        await asyncio.sleep(0.5)


def _ledger(verdict: Verdict, gateway: Gateway, line: LedgerLine) -> None:
    books, name = gateway.books, gateway.name
    own_verdict = "hole" if books.holes else "balanced"
    holes = [number for hole in line.holes for number in range(hole.first, hole.last + 1)]
    verdict.check(f"{name}: the center says {line.verdict}, not {own_verdict}", holds=line.verdict == own_verdict)
    verdict.check(f"{name}: holes {holes[:9]}, not {sorted(books.holes)}", holds=set(holes) == books.holes)
    stated = (line.last_sequence, line.produced, line.acknowledged, line.queued)
    own = (books.last, books.produced, books.acknowledged, books.queued)
    verdict.check(f"{name}: produced {own}, stated {stated}", holds=stated == own)
    there = books.acknowledged - len(books.holes) * ROWS * COLUMNS
    verdict.check(f"{name}: {line.samples} samples counted of {there}", holds=line.samples == there)
    blocks = books.last - len(books.gaps | books.holes)
    verdict.check(f"{name}: {line.blocks} blocks counted of {blocks}", holds=line.blocks == blocks)


def _hours(verdict: Verdict, gateway: Gateway, lake: Lake) -> None:
    """Hold the count and the sum of each signal's hours against those of what was made."""
    books = gateway.books
    values = values_of(gateway.name, 0, books.last * ROWS)
    there = np.ones(books.last, np.bool_)
    there[[number - 1 for number in books.gaps | books.holes]] = False
    rows = np.repeat(there, ROWS)
    for index, column in enumerate(schema_of(gateway.name).columns):
        made = int(rows.sum()), int(values[index, rows].sum())
        found = lake.hours(f"CP-{gateway.name}", column.key)
        verdict.check(f"{gateway.name} {column.key}: count and sum of hours {found} of {made}", holds=found == made)


async def _samples(verdict: Verdict, gateway: Gateway, telemetry: Telemetry) -> None:
    """Hold every stored sample against the one that was made."""
    keys = tuple(column.key for column in schema_of(gateway.name).columns)
    wrong = missing = doubled = 0
    total = gateway.books.last * ROWS
    for first in range(0, total, _ROWS_AT_ONCE):
        rows = min(_ROWS_AT_ONCE, total - first)
        begin = gateway.epoch + first * STEP_MS
        query = SeriesQuery(SITE, f"CP-{gateway.name}", keys, begin, begin + rows * STEP_MS, 10 * rows)
        gone = gateway.books.gaps | gateway.books.holes
        there = np.array([(number // ROWS + 1) not in gone for number in range(first, first + rows)])
        made = values_of(gateway.name, first, rows)
        for index, series in enumerate((await telemetry.series(query)).signals):
            found = {
                t_ms: (mean, count)
                for t_ms, mean, count in zip(series.t_ms, series.mean, series.good, strict=True)
                if count
            }
            for row in range(rows):
                at = begin + row * STEP_MS
                mean, count = found.pop(at - at % STEP_MS, (None, 0))
                missing += int(bool(there[row]) and not count)
                doubled += int(count > 1)
                wrong += int(bool(count) and (not there[row] or mean != made[index, row]))
    verdict.figures["samples compared"] = verdict.figures.get("samples compared", 0) + total * COLUMNS
    verdict.check(f"{gateway.name}: {missing} samples are missing", holds=not missing and total > 0)
    verdict.check(f"{gateway.name}: {doubled} samples are there more than once", holds=not doubled)
    verdict.check(f"{gateway.name}: {wrong} samples are not what was sent", holds=not wrong)
