"""This file tests what only the embedded store does: files, moves, a full disk, newer releases."""

import asyncio
import dataclasses
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from isolane.center.ingest.anchors import Anchors
from isolane.center.ingest.read import read
from isolane.center.store import hot
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.live import QUEUE_SAMPLES_MAX
from isolane.center.store.port import Batch, BlockArrival, UnavailableError
from isolane.center.store.settings import StoreSettings
from isolane.center.store.views import SeriesQuery
from isolane.core.failures import IsolaneError
from isolane.core.rungs import Rung
from isolane.core.samples import Quality, Reason
from isolane.health.refining import REFINED
from isolane.wire.block import Thinned, code, encode, gateway_tag
from isolane.wire.uplink import Up
from support.gateways import GOOD, T0_MS, TIMEOUT, FakeGateway, power
from support.patience import PATIENCE_S

Open = Callable[..., EmbeddedTelemetry]
LATER_MS = T0_MS + 86_400_000
QUERY = SeriesQuery("depot", "CP-1", ("1.0/EVSE/Power",), T0_MS, T0_MS + 3_600_000, 60)


def files(folder: Path, kind: str) -> list[Path]:
    return sorted((folder / "telemetry" / "lake" / kind).rglob("*.*"))


async def filled(telemetry: EmbeddedTelemetry, gateway: FakeGateway, blocks: int = 3) -> None:
    schema = gateway.schema()
    made = tuple(
        gateway.block(schema.schema, [[7] * 60, [5] * 60], [[GOOD] * 60, [TIMEOUT] * 60], t0_ms=T0_MS + 60_000 * n)
        for n in range(blocks)
    )
    await telemetry.commit(Batch(schemas=(schema,), blocks=made))


async def test_the_lake_stands_alone(open_telemetry: Open, gateway: FakeGateway, tmp_path: Path) -> None:
    telemetry = open_telemetry()
    await filled(telemetry, gateway)
    assert await telemetry.roll(LATER_MS) == 3
    (raw,) = files(tmp_path, "raw")
    assert raw.parent.relative_to(tmp_path / "telemetry" / "lake") == Path("raw/date=2023-11-14/site=depot")
    answer = duckdb.sql(
        f"SELECT device, signal, unit, resolution, min(t_ms), max(step_ms), count(value), count(*), max(code)"  # noqa: S608
        f" FROM read_parquet('{raw}') GROUP BY ALL ORDER BY signal"
    )
    assert answer is not None
    assert answer.fetchall() == [
        ("CP-1", "1.0/EVSE/DCVoltage", "V", 0.1, T0_MS, 1000, 0, 180, TIMEOUT),
        ("CP-1", "1.0/EVSE/Power", "W", 1.0, T0_MS, 1000, 180, 180, GOOD),
    ]
    (minute,) = files(tmp_path, "minute")
    assert pq.read_table(minute).num_rows == 6


async def test_history_that_comes_later_at_full_rate_stands_beside_what_was_thinned(
    open_telemetry: Open, gateway: FakeGateway
) -> None:
    """In charts and in files; what is newest stays the newest, and a peak that thinning had smoothed is seen."""
    telemetry = open_telemetry()
    schema = gateway.schema(power())
    whole = gateway.block(schema.schema, [[7] * 60], t0_ms=T0_MS)
    block = dataclasses.replace(whole.block, thinned=Thinned(Rung.BOUNDED, 9, np.array([True])))
    sent = dataclasses.replace(whole, block=block, data=encode(block, gateway_tag(gateway.site, gateway.name)))
    newest = gateway.block(schema.schema, [[3] * 60], t0_ms=T0_MS + 60_000)
    await telemetry.commit(Batch(schemas=(schema,), blocks=(sent, newest)))
    history = gateway.block(schema.schema, [[7] * 30 + [16] + [7] * 29], t0_ms=T0_MS, stream=REFINED)
    told = await telemetry.commit(Batch(blocks=(history,)))
    assert (told.blocks, told.samples) == (1, 60)
    (now,) = await telemetry.signals("depot", "CP-1")
    assert (now.value, now.t_ms) == (3, T0_MS + 119_000)
    query = SeriesQuery("depot", "CP-1", (power().key,), T0_MS, T0_MS + 120_000, 2)
    (series,) = (before := await telemetry.series(query)).signals
    assert (series.max, series.good, len(series.thinned)) == ([16, 3], [120, 60], 1)
    assert await telemetry.roll(LATER_MS) == 3
    assert await telemetry.series(query) == before


async def test_thinned_samples_are_kept_with_their_values_and_told_apart(
    open_telemetry: Open, gateway: FakeGateway, tmp_path: Path
) -> None:
    telemetry = open_telemetry()
    schema = gateway.schema(power())
    away = code(Quality.GOOD, Reason.THINNED)
    whole = gateway.block(schema.schema, [[100, 0, 0, 0, 110]], [[GOOD, away, away, away, GOOD]])
    block = dataclasses.replace(whole.block, thinned=Thinned(Rung.BOUNDED, 2, np.array([False])))
    data = encode(block, gateway_tag(gateway.site, gateway.name))
    arrival = read(whole.origin, Up.BLOCK, data, Anchors())
    assert isinstance(arrival, BlockArrival)
    committed = await telemetry.commit(Batch(schemas=(schema,), blocks=(arrival,)))
    assert committed.samples == 2
    answer = await telemetry.series(SeriesQuery("depot", "CP-1", (power().key,), T0_MS, T0_MS + 5000, 5))
    assert answer.signals[0].mean == [100.0, 103.0, 105.0, 108.0, 110.0]
    await telemetry.roll(LATER_MS)
    raw = pq.read_table(files(tmp_path, "raw")[0]).to_pydict()
    assert raw["code"] == [GOOD, away, away, away, GOOD]


async def test_integers_are_delta_packed_without_dictionary(
    open_telemetry: Open, gateway: FakeGateway, tmp_path: Path
) -> None:
    telemetry = open_telemetry()
    await filled(telemetry, gateway)
    await telemetry.roll(LATER_MS)
    group = pq.ParquetFile(files(tmp_path, "raw")[0]).metadata.row_group(0)
    for column in (group.column(at) for at in range(group.num_columns)):
        if column.path_in_schema == "real":
            continue
        packed = column.path_in_schema in {"t_ms", "step_ms", "value", "code", "rungs", "bound"}
        assert column.compression == "ZSTD"
        assert ("DELTA_BINARY_PACKED" in column.encodings) is packed
        assert column.has_dictionary_page is not packed


async def test_only_old_blocks_move(open_telemetry: Open, gateway: FakeGateway) -> None:
    telemetry = open_telemetry(StoreSettings(hot_minutes=2))
    await filled(telemetry, gateway)
    assert await telemetry.roll(T0_MS + 180_001) == 2
    assert await telemetry.roll(T0_MS + 180_001) == 0
    assert await telemetry.roll(LATER_MS) == 1
    assert (await telemetry.series(QUERY)).signals[0].good == [60, 60, 60]


async def test_files_that_no_book_lists_are_removed(open_telemetry: Open, gateway: FakeGateway, tmp_path: Path) -> None:
    """So it looks after a crash between writing the files and listing them."""
    telemetry = open_telemetry()
    await filled(telemetry, gateway)
    await telemetry.roll(LATER_MS)
    await telemetry.close()
    (kept,) = files(tmp_path, "raw")
    (kept.parent / "stray.parquet").write_bytes(kept.read_bytes())
    (kept.parent / "half.draft").write_bytes(b"PAR1")
    assert (await open_telemetry().series(QUERY)).signals[0].good == [60, 60, 60]
    assert files(tmp_path, "raw") == [kept]


async def test_old_files_expire_by_kind(open_telemetry: Open, gateway: FakeGateway, tmp_path: Path) -> None:
    telemetry = open_telemetry(StoreSettings(hot_minutes=1, raw_days=1, minute_days=3, hour_days=5))
    await filled(telemetry, gateway)
    await telemetry.roll(LATER_MS + 3_600_000)
    assert (files(tmp_path, "raw"), len(files(tmp_path, "minute"))) == ([], 1)
    assert (await telemetry.series(QUERY)).signals[0].good == [60, 60, 60]
    await telemetry.roll(LATER_MS + 3 * 86_400_000)
    assert (files(tmp_path, "minute"), len(files(tmp_path, "hour"))) == ([], 1)
    assert (await telemetry.series(QUERY)).signals[0].good == [180]
    await telemetry.roll(LATER_MS + 5 * 86_400_000)
    assert files(tmp_path, "hour") == []
    assert (await telemetry.series(QUERY)).signals[0].good == []


async def test_a_damaged_lake_is_an_error_not_a_gap(open_telemetry: Open, gateway: FakeGateway, tmp_path: Path) -> None:
    telemetry = open_telemetry()
    await filled(telemetry, gateway)
    await telemetry.roll(LATER_MS)
    files(tmp_path, "minute")[0].write_bytes(b"rotten")
    with pytest.raises(OSError, match="the lake cannot be read"):
        await telemetry.series(QUERY)


async def test_what_the_disk_does_not_take_is_not_committed(open_telemetry: Open, gateway: FakeGateway) -> None:
    telemetry = open_telemetry()
    telemetry._hot.writer.execute("PRAGMA max_page_count = 1")  # as small as the file is now
    schema = gateway.schema()
    blocks = tuple(gateway.block(schema.schema, [range(2000), range(2000)], step_ms=1) for _ in range(200))
    with pytest.raises(UnavailableError, match="full"):
        await telemetry.commit(Batch(schemas=(schema,), blocks=blocks))
    assert await telemetry.signals("depot", "CP-1") == []
    telemetry._hot.writer.execute("PRAGMA max_page_count = 100000")
    assert (await telemetry.commit(Batch(schemas=(schema,), blocks=blocks))).blocks == 200


async def test_a_newer_release_is_told_apart(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "hot.sqlite3")) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(IsolaneError, match="of a newer release"):
        EmbeddedTelemetry(tmp_path, StoreSettings())


async def test_a_listener_that_sleeps_is_ended_and_nobody_waits(open_telemetry: Open, gateway: FakeGateway) -> None:
    telemetry = open_telemetry()
    schema = gateway.schema()
    await telemetry.commit(Batch(schemas=(schema,)))
    async with telemetry.listen("depot", "CP-1") as slow, telemetry.listen("depot", "CP-1") as quick:
        for number in range(QUEUE_SAMPLES_MAX + 5):
            block = gateway.block(schema.schema, [[number], [0]], t0_ms=T0_MS + 1000 * number)
            await telemetry.commit(Batch(blocks=(block,)))
            assert (await asyncio.wait_for(anext(quick), PATIENCE_S)).t_ms == T0_MS + 1000 * number
        assert len([row async for row in slow]) == QUEUE_SAMPLES_MAX
    assert (telemetry.counts().live_dropped, telemetry.counts().live_devices) == (1, 0)


async def test_memory_is_bounded(open_telemetry: Open, gateway: FakeGateway) -> None:
    telemetry = open_telemetry(StoreSettings(cache_mb=1))
    schema = gateway.schema()
    await telemetry.commit(Batch(schemas=(schema,)))
    for number in range(60):
        block = gateway.block(schema.schema, [range(3000), range(3000)], step_ms=1, t0_ms=T0_MS + 3000 * number)
        await telemetry.commit(Batch(blocks=(block,)))
    assert telemetry.counts().cache_bytes <= 1 << 20
    assert (await telemetry.series(QUERY)).signals[0].good == [60_000, 60_000, 60_000]


async def test_a_visitor_removes_nothing(open_telemetry: Open, tmp_path: Path) -> None:
    """A file that the owner is just writing is in no book yet."""
    owner = open_telemetry()
    stray = tmp_path / "telemetry/lake/raw/date=2026-01-01/site=depot/under-way.parquet"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"half")
    visitor = EmbeddedTelemetry(tmp_path / "telemetry", StoreSettings(), is_visitor=True)
    assert await visitor.fleet() == []
    await visitor.close()
    assert stray.exists()
    await owner.close()
    await open_telemetry().close()
    assert not stray.exists()


async def test_a_second_center_removes_nothing_of_the_first(open_telemetry: Open, tmp_path: Path) -> None:
    owner = open_telemetry()
    stray = tmp_path / "telemetry/lake/raw/date=2026-01-01/site=depot/under-way.parquet"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"half")
    with pytest.raises(IsolaneError, match="another center has"):
        EmbeddedTelemetry(tmp_path / "telemetry", StoreSettings())
    assert stray.exists()
    await owner.close()
    await open_telemetry().close()
    assert not stray.exists()


async def test_what_cannot_be_written_whole_leaves_nothing(
    open_telemetry: Open, gateway: FakeGateway, tmp_path: Path
) -> None:
    """A disk that is full would be filled by the files of every attempt."""
    telemetry = open_telemetry()
    await filled(telemetry, gateway)
    in_the_way = tmp_path / "telemetry/lake/hour"
    in_the_way.parent.mkdir(exist_ok=True)
    in_the_way.write_bytes(b"")
    for _ in range(2):
        with pytest.raises(OSError, match="hour"):
            await telemetry.roll(LATER_MS)
    assert files(tmp_path, "raw") == files(tmp_path, "minute") == []
    in_the_way.unlink()
    assert await telemetry.roll(LATER_MS) == 3


async def test_files_whose_transaction_failed_are_removed_by_the_next_pass(
    open_telemetry: Open, gateway: FakeGateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hot, "_BUSY_S", 0.05)
    telemetry = open_telemetry()
    await filled(telemetry, gateway)
    with closing(sqlite3.connect(tmp_path / "telemetry/hot.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(UnavailableError):
            await telemetry.roll(LATER_MS)
        other.execute("ROLLBACK")
    (orphan,) = files(tmp_path, "raw")
    assert await telemetry.roll(LATER_MS) == 3
    (kept,) = files(tmp_path, "raw")
    assert kept != orphan
    assert (await telemetry.series(QUERY)).signals[0].good == [60, 60, 60]
