"""This file stores two streams of one device at different steps; it guards that neither spoils the other's figures."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from isolane.center.store.cache import BlockCache
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.hot import HotStore
from isolane.center.store.hot_read import SeriesReader
from isolane.center.store.lake_read import LakeReader
from isolane.center.store.partials import Partials
from isolane.center.store.port import Batch
from isolane.center.store.views import Series, SeriesQuery
from isolane.core.signals import Signal
from support.gateways import GOOD, T0_MS, TIMEOUT, FakeGateway, power, voltage

Open = Callable[..., EmbeddedTelemetry]
SITE, FAST = 0, 1
POWER, VOLTAGE = "1.0/EVSE/Power", "1.0/EVSE/DCVoltage"
MINUTES = 3
LATER_MS = T0_MS + 86_400_000


async def filled(telemetry: EmbeddedTelemetry, gateway: FakeGateway) -> None:
    """Power once a second in the site's stream, voltage ten times a second in another; one fast minute is missing."""
    slow, fast = gateway.schema(power()), gateway.schema(voltage())
    blocks = []
    for minute in range(MINUTES):
        t0_ms = T0_MS + 60_000 * minute
        blocks.append(gateway.block(slow.schema, [range(60)], t0_ms=t0_ms, stream=SITE))
        if minute != 1:
            codes = [GOOD] * 590 + [TIMEOUT] * 10
            blocks.append(gateway.block(fast.schema, [range(600)], [codes], t0_ms=t0_ms, step_ms=100, stream=FAST))
    lost = gateway.gap(9, 9, T0_MS + 60_000, T0_MS + 120_000, stream=FAST, samples=600)
    await telemetry.commit(Batch(schemas=(slow, fast), blocks=tuple(blocks), gaps=(lost,)))


async def series(telemetry: EmbeddedTelemetry, span_ms: int, points: int) -> Series:
    return await telemetry.series(SeriesQuery("depot", "CP-1", (POWER, VOLTAGE), T0_MS, T0_MS + span_ms, points))


@pytest.mark.parametrize("is_rolled", [False, True], ids=["hot", "lake"])
async def test_each_step_is_folded_of_its_own_samples(
    open_telemetry: Open, gateway: FakeGateway, *, is_rolled: bool
) -> None:
    telemetry = open_telemetry()
    await filled(telemetry, gateway)
    if is_rolled:
        assert await telemetry.roll(LATER_MS) == 2 * MINUTES - 1
    by_minute = await series(telemetry, 180_000, 3)
    slow, fast = by_minute.signals
    assert (by_minute.step_ms, slow.good, fast.good, fast.bad) == (60_000, [60, 60, 60], [590, 0, 590], [10, 0, 10])
    assert (slow.mean, slow.max) == ([29.5] * 3, [59] * 3)
    assert (fast.min[0], fast.max[0], fast.mean[0]) == (0, 58.9, 29.45)
    assert slow.gaps == []
    assert "outbox-full" in {reason for gap in fast.gaps for reason in gap.reasons}
    by_second = await series(telemetry, 10_000, 10)
    assert by_second.step_ms == 1000
    assert [signal.good for signal in by_second.signals] == [[1] * 10, [10] * 10]
    finest = await series(telemetry, 2000, 600)
    slow, fast = finest.signals
    assert finest.step_ms == 100
    assert (len(fast.t_ms), fast.max[-1]) == (20, 1.9)
    assert ([t for t, n in zip(slow.t_ms, slow.good, strict=True) if n], slow.gaps) == ([T0_MS, T0_MS + 1000], [])


async def test_the_newest_of_each_stream_outlives_a_restart(open_telemetry: Open, gateway: FakeGateway) -> None:
    telemetry = open_telemetry()
    await filled(telemetry, gateway)
    await telemetry.roll(LATER_MS)
    before = await telemetry.signals("depot", "CP-1")
    await telemetry.close()
    assert await open_telemetry().signals("depot", "CP-1") == before
    assert [(signal.key, signal.t_ms) for signal in before] == [
        (VOLTAGE, T0_MS + 179_900),
        (POWER, T0_MS + 179_000),
    ]


async def test_a_minute_of_fast_rows_ends_no_listener_and_shows_a_row_a_second(
    open_telemetry: Open, gateway: FakeGateway
) -> None:
    telemetry = open_telemetry()
    fast = gateway.schema(voltage())
    await telemetry.commit(Batch(schemas=(fast,)))
    async with telemetry.listen("depot", "CP-1") as rows:
        block = gateway.block(fast.schema, [range(6000)], step_ms=10, stream=FAST)
        await telemetry.commit(Batch(blocks=(block,)))
        async with asyncio.timeout(10):
            seen = [await anext(rows) for _ in range(60)]
    assert [row.t_ms for row in seen] == [T0_MS + 1000 * number for number in range(60)]
    assert [row.values[VOLTAGE][0] for row in seen[:3]] == [0, 10.0, 20.0]
    assert telemetry.counts().live_dropped == 0


async def test_a_block_longer_than_a_listeners_queue_shows_its_end(open_telemetry: Open, gateway: FakeGateway) -> None:
    telemetry = open_telemetry()
    schema = gateway.schema(power())
    await telemetry.commit(Batch(schemas=(schema,)))
    async with telemetry.listen("depot", "CP-1") as rows:
        await telemetry.commit(Batch(blocks=(gateway.block(schema.schema, [range(600)], stream=SITE),)))
        async with asyncio.timeout(10):
            seen = [await anext(rows) for _ in range(128)]
    assert seen[-1].t_ms == T0_MS + 599_000
    assert telemetry.counts().live_dropped == 0


async def test_the_hour_of_power_is_of_the_stream_that_knows_it_best(
    open_telemetry: Open, gateway: FakeGateway
) -> None:
    telemetry = open_telemetry()
    now_ms = time.time_ns() // 60_000_000_000 * 60_000
    feed = Signal("CP-1", "1.0/ElectricalFeed/Power", "W", 1.0)
    slow, fast = gateway.schema(power()), gateway.schema(feed)
    blocks = (
        gateway.block(slow.schema, [[5000] * 10], t0_ms=now_ms - 60_000, stream=SITE),
        gateway.block(fast.schema, [[5300] * 100], t0_ms=now_ms - 60_000, step_ms=100, stream=FAST),
    )
    await telemetry.commit(Batch(schemas=(slow, fast), blocks=blocks))
    (charger,) = await telemetry.fleet()
    assert {mean for mean in charger.power_recent_w if mean is not None} == {5000.0}


class ExpiringLake(LakeReader):
    """A lake whose files expire between the listing and the reading, the first time."""

    folder: Path
    asked = 0

    def steps(
        self, paths: Sequence[str], device: str, signals: Sequence[str], span: tuple[int, int], step_ms: int
    ) -> dict[str, list[tuple[str, float, Partials]]]:
        """See `LakeReader.steps`."""
        self.asked += 1
        if self.asked == 1:
            with closing(sqlite3.connect(self.folder / "hot.sqlite3")) as file, file:
                file.execute("DELETE FROM file WHERE kind = 'minute' AND path = ?", (paths[0],))
            (self.folder / "lake" / paths[0]).unlink()
        return super().steps(paths, device, signals, span, step_ms)


async def test_a_file_that_expires_under_a_question_is_no_trouble(
    open_telemetry: Open, gateway: FakeGateway, tmp_path: Path
) -> None:
    telemetry, folder = open_telemetry(), tmp_path / "telemetry"
    await filled(telemetry, gateway)
    await telemetry.roll(LATER_MS)
    hot, lake = HotStore(folder / "hot.sqlite3"), ExpiringLake(folder / "lake", threads=1, memory_mb=64)
    lake.folder = folder
    query = SeriesQuery("depot", "CP-1", (POWER,), T0_MS, T0_MS + 180_000, 3)
    try:
        answer = SeriesReader(hot, BlockCache(1 << 20), lake).read(query, [])
        assert answer.signals[0].good == []
        assert lake.asked == 2
    finally:
        lake.close()
        hot.close()
