"""This file merges files of past days; it guards that no answer changes, and that a day becomes few files."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.port import Batch
from isolane.center.store.settings import StoreSettings
from isolane.center.store.views import Series, SeriesQuery
from isolane.core.signals import Signal
from isolane.wire.floats import pattern
from support.gateways import GOOD, STALE, T0_MS, TIMEOUT, FakeGateway, power

Open = Callable[..., EmbeddedTelemetry]
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
REAL = Signal("CP-1", "1.0/EVSE/xShare", "", 0)
KEYS = (power().key, REAL.key)
ROLLS = 9


def files(folder: Path, kind: str) -> list[Path]:
    return sorted((folder / "telemetry" / "lake" / kind).rglob("*.parquet"))


async def told(telemetry: EmbeddedTelemetry) -> list[Series]:
    """Ask for seconds, minutes, hours and a day."""
    spans = ((600_000, 600), (6 * HOUR_MS, 360), (24 * HOUR_MS, 24), (24 * HOUR_MS, 1))
    return [
        await telemetry.series(SeriesQuery("depot", "CP-1", KEYS, T0_MS - 600_000, T0_MS - 600_000 + span, points))
        for span, points in spans
    ]


async def filled(telemetry: EmbeddedTelemetry, gateway: FakeGateway) -> None:
    """Move a block of every ten minutes to the lake by itself, before its day is past."""
    schema = gateway.schema(power(), REAL)
    for number in range(ROLLS):
        values = [range(number, number + 120), [pattern(number / 8)] * 120]
        codes = [[GOOD, STALE, TIMEOUT] * 40, [GOOD] * 120]
        t0_ms = T0_MS + 600_000 * number
        block = gateway.block(schema.schema, values, codes, t0_ms=t0_ms, step_ms=5000)
        await telemetry.commit(Batch(schemas=(schema,), blocks=(block,)))
        await telemetry.roll(t0_ms + 120_000)


async def test_a_past_day_becomes_few_files_with_the_same_answers(
    open_telemetry: Open, gateway: FakeGateway, tmp_path: Path
) -> None:
    telemetry = open_telemetry()
    await filled(telemetry, gateway)
    before = await told(telemetry)
    assert len(files(tmp_path, "raw")) == ROLLS
    old = files(tmp_path, "raw")
    await telemetry.roll(T0_MS + 3 * DAY_MS)
    assert await told(telemetry) == before
    # Whoever reads them now can finish.
    assert set(old) < set(files(tmp_path, "raw"))
    await telemetry.roll(T0_MS + 3 * DAY_MS)
    for kind, rows in (("raw", 240 * ROLLS), ("minute", 20 * ROLLS), ("hour", None)):
        found = files(tmp_path, kind)
        assert len(found) == 1 if kind != "hour" else len(found) < 4
        assert rows is None or sum(pq.read_metadata(file).num_rows for file in found) == rows
    assert await told(telemetry) == before
    await telemetry.close()
    assert await told(open_telemetry()) == before


async def test_a_year_of_hours_is_a_few_files_and_an_hour_one_row(
    open_telemetry: Open, gateway: FakeGateway, tmp_path: Path
) -> None:
    """Though what moves to the lake ends within hours, and what is late comes after its month is merged."""
    telemetry = open_telemetry()
    schema = gateway.schema(power())
    half_ms, days = HOUR_MS // 2, 20
    begin_ms = T0_MS // DAY_MS * DAY_MS

    async def lived(day: int, at_ms: int) -> None:
        for number in range(2):
            t0_ms = begin_ms + day * DAY_MS + number * half_ms
            block = gateway.block(schema.schema, [[day, day + number]], t0_ms=t0_ms, step_ms=half_ms // 2)
            await telemetry.commit(Batch(schemas=(schema,), blocks=(block,)))
            await telemetry.roll(max(t0_ms, at_ms) + 2 * HOUR_MS)

    for day in range(1, days):
        await lived(day, 0)
    end_ms = begin_ms + days * DAY_MS
    assert len(files(tmp_path, "hour")) <= 2 * 6
    await lived(0, end_ms)
    for _ in range(2):
        await telemetry.roll(end_ms + 32 * DAY_MS)
    # The late one is a file of its own until others come, or part of its month.
    assert len(files(tmp_path, "hour")) <= 3 + 1
    rows = sum(pq.read_metadata(file).num_rows for file in files(tmp_path, "hour"))
    assert rows <= days + 1
    query = SeriesQuery("depot", "CP-1", (power().key,), begin_ms, end_ms, days)
    (line,) = (await telemetry.series(query)).signals
    assert line.good == [4] * days
    assert (line.min, line.max) == ([float(day) for day in range(days)], [float(day + 1) for day in range(days)])
    assert line.mean == [day + 0.25 for day in range(days)]


async def test_what_is_late_is_merged_when_it_is_several_files(
    open_telemetry: Open, gateway: FakeGateway, tmp_path: Path
) -> None:
    telemetry = open_telemetry()
    await filled(telemetry, gateway)
    later_ms = T0_MS + 3 * DAY_MS
    await telemetry.roll(later_ms)
    await telemetry.roll(later_ms)
    merged = files(tmp_path, "minute")
    schema = gateway.schema(power(), REAL)
    for number in range(4):
        values = [range(120), [pattern(0.5)] * 120]
        late = gateway.block(schema.schema, values, t0_ms=T0_MS + 600_000 * number + 300_000, step_ms=1000)
        await telemetry.commit(Batch(blocks=(late,)))
        await telemetry.roll(later_ms)
    before = await told(telemetry)
    for _ in range(2):
        await telemetry.roll(later_ms)
    assert len(files(tmp_path, "minute")) < 4
    assert set(files(tmp_path, "minute")).isdisjoint(merged)
    assert await told(telemetry) == before
    (day,) = [series.signals[0] for series in before if series.step_ms == DAY_MS]
    assert sum(day.good) + sum(day.stale) + sum(day.bad) == 120 * (ROLLS + 4)


async def test_hours_are_read_from_hours(open_telemetry: Open, gateway: FakeGateway, tmp_path: Path) -> None:
    telemetry = open_telemetry()
    await filled(telemetry, gateway)
    expected = await told(telemetry)
    for file in (*files(tmp_path, "raw"), *files(tmp_path, "minute")):
        file.unlink()
    query = SeriesQuery("depot", "CP-1", KEYS, T0_MS - 600_000, T0_MS - 600_000 + 24 * HOUR_MS, 24)
    assert await telemetry.series(query) == expected[2]


async def test_a_store_of_an_older_release_is_read_by_its_minutes(
    open_telemetry: Open, gateway: FakeGateway, tmp_path: Path
) -> None:
    """Its book knows no hours; new files have them, and both add up."""
    telemetry = open_telemetry()
    await filled(telemetry, gateway)
    before = await told(telemetry)
    await telemetry.close()
    with closing(sqlite3.connect(tmp_path / "telemetry/hot.sqlite3")) as hot:
        hot.executescript(
            "DELETE FROM file WHERE kind = 'hour'; ALTER TABLE file DROP COLUMN has_hours; PRAGMA user_version = 1;"
        )
    telemetry = open_telemetry()
    assert files(tmp_path, "hour") == []
    assert (await told(telemetry))[1:] == before[1:]
    schema = gateway.schema(power(), REAL)
    block = gateway.block(schema.schema, [[5], [pattern(0.5)]], t0_ms=T0_MS + 7000)
    await telemetry.commit(Batch(blocks=(block,)))
    await telemetry.roll(T0_MS + 3 * DAY_MS)
    await telemetry.roll(T0_MS + 3 * DAY_MS)
    samples = [sum(line.good) + sum(line.stale) + sum(line.bad) for line in (await told(telemetry))[3].signals]
    assert samples == [120 * ROLLS + 1] * 2


async def test_hours_of_an_older_release_are_taken_over(
    open_telemetry: Open, gateway: FakeGateway, tmp_path: Path
) -> None:
    """It kept them by the day."""
    telemetry = open_telemetry()
    await filled(telemetry, gateway)
    before = await told(telemetry)
    await telemetry.close()
    lake = tmp_path / "telemetry" / "lake"
    with closing(sqlite3.connect(tmp_path / "telemetry/hot.sqlite3")) as hot, hot:
        for (path,) in hot.execute("SELECT path FROM file WHERE kind = 'hour'").fetchall():
            by_day = path.replace("date=2023-11-01", "date=2023-11-14")
            (lake / by_day).parent.mkdir(parents=True, exist_ok=True)
            (lake / path).rename(lake / by_day)
            hot.execute("UPDATE file SET path = ? WHERE path = ?", (by_day, path))
    telemetry = open_telemetry()
    assert await told(telemetry) == before
    for _ in range(2):
        await telemetry.roll(T0_MS + 40 * DAY_MS)
    assert [file.parent.parent.name for file in files(tmp_path, "hour")] == ["date=2023-11-01"]
    assert await told(telemetry) == before


async def test_what_is_kept_as_hours_alone_is_shown_by_the_hour(open_telemetry: Open, gateway: FakeGateway) -> None:
    """A chart of a day that only rollups remember has steps that they have, however many points are asked for."""
    telemetry = open_telemetry(StoreSettings(hot_minutes=1, raw_days=1, minute_days=5))
    await filled(telemetry, gateway)
    query = SeriesQuery("depot", "CP-1", KEYS, T0_MS, T0_MS + 1_200_000, 1200)
    steps = []
    for later_days in (0, 3, 10):
        await telemetry.roll(T0_MS + later_days * DAY_MS + HOUR_MS)
        series = await telemetry.series(query)
        assert all(sum(line.good) for line in series.signals)
        steps.append(series.step_ms)
    assert steps == [5000, 60_000, HOUR_MS]


@pytest.mark.parametrize(("days", "left"), [(0, 1), (2, 0)])
async def test_hours_are_kept_as_long_as_is_said(
    open_telemetry: Open, gateway: FakeGateway, tmp_path: Path, days: int, left: int
) -> None:
    telemetry = open_telemetry(StoreSettings(hot_minutes=1, hour_days=days, minute_days=1))
    schema = gateway.schema()
    await telemetry.commit(Batch(schemas=(schema,), blocks=(gateway.block(schema.schema, [[5], [6]]),)))
    await telemetry.roll(T0_MS + 10 * DAY_MS)
    assert (len(files(tmp_path, "minute")), len(files(tmp_path, "hour"))) == (0, left)
