"""This file tests the store over a real VictoriaMetrics; it guards that its crash or absence loses nothing."""

import asyncio
import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from isolane.center.ingest.anchors import Anchors
from isolane.center.ingest.read import read
from isolane.center.settings import CenterSettings
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.gauges import StoreGauges
from isolane.center.store.port import Batch, BlockArrival, SchemaArrival
from isolane.center.store.settings import StoreSettings, VictoriaSettings
from isolane.center.store.victoria_telemetry import VictoriaTelemetry, open_telemetry
from isolane.center.store.views import SeriesQuery, SignalSeries
from isolane.config.load import load
from isolane.core.failures import IsolaneError
from isolane.core.rungs import Rung
from isolane.core.samples import Quality, Reason
from isolane.core.signals import Signal
from isolane.wire.block import Thinned, code, encode, gateway_tag
from isolane.wire.uplink import Up
from support.gateways import GOOD, STALE, T0_MS, TIMEOUT, FakeGateway, power, voltage
from support.metric_servers import VictoriaMetrics

Open = Callable[..., VictoriaTelemetry]
LATER_MS = T0_MS + 10 * 86_400_000
KEYS = (power().key, voltage().key)
MINUTE_MS = 60_000


def many(gateway: FakeGateway, blocks: int, seed: int = 1) -> tuple[SchemaArrival, list[BlockArrival]]:
    """Make minutes of two signals with every quality."""
    random, schema = np.random.default_rng(seed), gateway.schema()
    shape = (2, 60)
    made = [
        gateway.block(
            schema.schema,
            random.integers(-(2**33), 2**33, shape),
            random.choice(np.array([GOOD, GOOD, STALE, TIMEOUT, code(Quality.GOOD, Reason.THINNED)]), shape),
            t0_ms=T0_MS + MINUTE_MS * number,
        )
        for number in range(blocks)
    ]
    return schema, made


async def told(telemetry: EmbeddedTelemetry, span_ms: int, points: int) -> list[SignalSeries]:
    return (await telemetry.series(SeriesQuery("depot", "CP-1", KEYS, T0_MS, T0_MS + span_ms, points))).signals


async def settle(telemetry: VictoriaTelemetry, blocks: int) -> None:
    """Send and move until so many blocks have left the hot store."""
    moved = 0
    async with asyncio.timeout(60):
        while moved < blocks:
            await telemetry.send(LATER_MS)
            moved += await telemetry.roll(LATER_MS)
            await asyncio.sleep(0.2)
    assert moved == blocks


async def compared(telemetry: VictoriaTelemetry, oracle: EmbeddedTelemetry, minutes: int) -> None:
    """Hold each second and each minute against the embedded store's answer, value for value."""
    for begin in range(0, minutes, 5):
        query = SeriesQuery("depot", "CP-1", KEYS, T0_MS + begin * MINUTE_MS, T0_MS + (begin + 5) * MINUTE_MS, 300)
        assert await telemetry.series(query) == await oracle.series(query)
    for points in (minutes, minutes * 4):
        lines = await told(telemetry, minutes * MINUTE_MS, points), await told(oracle, minutes * MINUTE_MS, points)
        for line, expected in zip(*lines, strict=True):
            # The order of adding up differs, so the last digit may.
            assert line.mean == pytest.approx(expected.mean, abs=0.002)
            assert dataclasses.replace(line, mean=expected.mean) == expected


async def test_a_kill_of_victoriametrics_loses_nothing(
    open_victoria: Open, victoria: VictoriaMetrics, tmp_path: Path, gateway: FakeGateway
) -> None:
    """It is killed with what it has taken still in its memory, and again while it is being asked back."""
    telemetry, oracle = open_victoria(), EmbeddedTelemetry(tmp_path / "oracle", StoreSettings(hot_minutes=1))
    schema, blocks = many(gateway, 40)
    batch = Batch(schemas=(schema,), blocks=tuple(blocks))
    await oracle.commit(batch)
    await telemetry.commit(batch)
    assert await VictoriaTelemetry.send(telemetry, LATER_MS) == 40
    victoria.kill()
    # From here on it would be asked back.
    await asyncio.sleep(1)
    with pytest.raises(OSError, match="cannot be read"):
        await telemetry.roll(LATER_MS)
    victoria.start()
    async with asyncio.timeout(60):
        while not telemetry.lost_blocks:
            await telemetry.roll(LATER_MS)
            await asyncio.sleep(0.1)
    await telemetry.close()
    # Longer than VictoriaMetrics keeps anything in its memory alone.
    telemetry = open_victoria(settle_s=15)
    await settle(telemetry, 40)
    victoria.kill()
    victoria.start()
    await compared(telemetry, oracle, 40)
    await oracle.close()


async def test_while_it_is_away_commits_go_on(
    open_victoria: Open, victoria: VictoriaMetrics, gateway: FakeGateway
) -> None:
    telemetry = open_victoria()
    schema, blocks = many(gateway, 6)
    victoria.stop()
    for block in blocks:
        assert (await telemetry.commit(Batch(schemas=(schema,), blocks=(block,)))).blocks == 1
        with pytest.raises(OSError, match="does not take samples"):
            await telemetry.send(LATER_MS)
    assert telemetry.lost_blocks == 0
    assert await telemetry.roll(LATER_MS) == 0
    await telemetry.close()
    telemetry = open_victoria()
    assert (await telemetry.commit(Batch(blocks=tuple(blocks)))).duplicates == 6
    victoria.start()
    await settle(telemetry, 6)
    assert [sum(line.good) + sum(line.stale) + sum(line.bad) for line in await told(telemetry, 360_000, 6)] == [360] * 2


async def test_what_it_drops_stays_here_and_is_told(
    tmp_path: Path, victoria: VictoriaMetrics, gateway: FakeGateway
) -> None:
    """A far future is beyond what VictoriaMetrics takes; it says nothing and drops it."""
    victoria_settings = VictoriaSettings(url=victoria.url, ca=victoria.pki.ca, settle_s=1)
    settings = StoreSettings(hot_minutes=1, raw_days=0)
    telemetry = VictoriaTelemetry(tmp_path / "telemetry", settings, victoria_settings)
    schema = gateway.schema()
    far_ms = T0_MS + 50 * 365 * 86_400_000
    block = gateway.block(schema.schema, [[1] * 5, [2] * 5], t0_ms=far_ms, received_ms=T0_MS)
    await telemetry.commit(Batch(schemas=(schema,), blocks=(block,)))
    assert await telemetry.send(T0_MS) == 0
    assert await telemetry.send(far_ms) == 1
    async with asyncio.timeout(30):
        while not telemetry.lost_blocks:
            assert await telemetry.roll(far_ms) == 0
            await asyncio.sleep(0.1)
    assert await telemetry.send(far_ms) == 1
    query = SeriesQuery("depot", "CP-1", KEYS, far_ms, far_ms + 5000, 5)
    assert [line.mean for line in (await telemetry.series(query)).signals] == [[1] * 5, [0.2] * 5]
    await telemetry.close()


async def test_what_is_older_than_is_kept_is_not_waited_for(
    tmp_path: Path, victoria: VictoriaMetrics, gateway: FakeGateway
) -> None:
    settings = StoreSettings(hot_minutes=1, raw_days=1)
    telemetry = VictoriaTelemetry(
        tmp_path / "telemetry", settings, VictoriaSettings(url=victoria.url, ca=victoria.pki.ca)
    )
    schema, blocks = many(gateway, 2)
    await telemetry.commit(Batch(schemas=(schema,), blocks=tuple(blocks)))
    assert await telemetry.roll(LATER_MS) == 2
    assert (await told(telemetry, 120_000, 2))[0].t_ms == [T0_MS, T0_MS + MINUTE_MS]
    await telemetry.close()


async def test_blocks_wait_for_their_schema(open_victoria: Open, gateway: FakeGateway) -> None:
    telemetry = open_victoria()
    schema, blocks = many(gateway, 3)
    await telemetry.commit(Batch(blocks=tuple(blocks[:2])))
    assert await telemetry.send(LATER_MS) == 0
    await telemetry.commit(Batch(schemas=(schema,), blocks=(blocks[2],)))
    assert await telemetry.send(LATER_MS) == 3
    assert await telemetry.send(LATER_MS) == 0
    await settle(telemetry, 3)


async def test_late_and_doubled_blocks_are_as_exact_as_others(
    open_victoria: Open, tmp_path: Path, gateway: FakeGateway
) -> None:
    telemetry, oracle = open_victoria(), EmbeddedTelemetry(tmp_path / "oracle", StoreSettings(hot_minutes=1))
    schema, blocks = many(gateway, 20, seed=7)
    parts = (blocks[10:15], [*blocks[:5], *blocks[10:12]], blocks[15:], blocks[5:10])
    for part, fresh in zip(parts, (5, 5, 5, 0), strict=True):
        await oracle.commit(Batch(schemas=(schema,), blocks=tuple(part)))
        await telemetry.commit(Batch(schemas=(schema,), blocks=tuple(part)))
        await telemetry.send(LATER_MS)
        if fresh:
            await settle(telemetry, fresh)
        await compared(telemetry, oracle, 20)
    await telemetry.close()
    await compared(open_victoria(), oracle, 20)
    await oracle.close()


async def test_what_was_rolled_before_the_move_to_victoriametrics_is_still_read(
    open_victoria: Open, tmp_path: Path, gateway: FakeGateway
) -> None:
    oracle = EmbeddedTelemetry(tmp_path / "oracle", StoreSettings(hot_minutes=1))
    before = EmbeddedTelemetry(tmp_path / "telemetry", StoreSettings(hot_minutes=1))
    schema, blocks = many(gateway, 10)
    await oracle.commit(Batch(schemas=(schema,), blocks=tuple(blocks)))
    await before.commit(Batch(schemas=(schema,), blocks=tuple(blocks[:4])))
    assert await before.roll(LATER_MS) == 4
    await before.commit(Batch(blocks=tuple(blocks[4:7])))
    await before.close()
    telemetry = open_victoria()
    await telemetry.commit(Batch(blocks=tuple(blocks[7:])))
    await settle(telemetry, 6)
    await compared(telemetry, oracle, 10)
    await oracle.close()


async def test_thinned_rows_come_back_with_their_bound(
    open_victoria: Open, tmp_path: Path, gateway: FakeGateway
) -> None:
    telemetry, oracle = open_victoria(), EmbeddedTelemetry(tmp_path / "oracle", StoreSettings(hot_minutes=1))
    schema, (first, second) = many(gateway, 2)
    bounded = Thinned(Rung.BOUNDED, 3, np.array([False, False]))
    thinned = dataclasses.replace(first, block=dataclasses.replace(first.block, thinned=bounded))
    thinned = dataclasses.replace(thinned, data=encode(thinned.block, gateway_tag(gateway.site, gateway.name)))
    arrival = read(first.origin, Up.BLOCK, thinned.data, Anchors())
    assert isinstance(arrival, BlockArrival)
    for store in (telemetry, oracle):
        await store.commit(Batch(schemas=(schema,), blocks=(arrival, second)))
    await settle(telemetry, 2)
    await compared(telemetry, oracle, 2)
    (power_w, voltage_v) = await told(telemetry, 120_000, 120)
    assert [(run.rungs, run.bound) for run in power_w.thinned] == [(["bounded"], 3)]
    assert [run.bound for run in voltage_v.thinned] == [pytest.approx(0.3)]
    await oracle.close()


async def test_a_promql_user_sees_names_units_and_codes(
    open_victoria: Open, victoria: VictoriaMetrics, gateway: FakeGateway
) -> None:
    telemetry = open_victoria()
    schema = gateway.schema()
    block = gateway.block(schema.schema, [[7, 8, 9], [2301, 0, 2303]], [[GOOD] * 3, [GOOD, TIMEOUT, STALE]])
    await telemetry.commit(Batch(schemas=(schema,), blocks=(block,)))
    await telemetry.send(LATER_MS)
    assert victoria.samples('isolane_power_watts{site="depot",charger="CP-1",evse="1"}') == {
        T0_MS: 7,
        T0_MS + 1000: 8,
        T0_MS + 2000: 9,
    }
    codes = victoria.samples('isolane_sample_code{signal="1.0/EVSE/DCVoltage"}')
    assert codes == {T0_MS + 1000: TIMEOUT, T0_MS + 2000: STALE}
    answer = victoria.get("/api/v1/query", query="isolane_dc_voltage_volts", time=f"{(T0_MS + 1000) / 1000:.3f}")
    assert b'"result":[]' in answer


async def test_it_sends_and_moves_by_itself(tmp_path: Path, victoria: VictoriaMetrics) -> None:
    gateway = FakeGateway()
    victoria_settings = VictoriaSettings(url=victoria.url, ca=victoria.pki.ca, settle_s=1, send_interval_s=0.1)
    settings = StoreSettings(hot_minutes=1, raw_days=0, roll_interval_s=0.1)
    telemetry = VictoriaTelemetry(tmp_path / "own", settings, victoria_settings)
    schema, blocks = many(gateway, 2)
    keeping = asyncio.create_task(telemetry.keep())
    await telemetry.commit(Batch(schemas=(schema,), blocks=tuple(blocks)))
    async with asyncio.timeout(30):
        while telemetry.counts().rolled_blocks < 2:
            await asyncio.sleep(0.05)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    await telemetry.close()


async def test_the_settings_choose_the_store_and_its_gauges(tmp_path: Path) -> None:
    far = StoreSettings(telemetry=VictoriaSettings(url="http://127.0.0.1:1"))
    for settings, kind, count in ((StoreSettings(), EmbeddedTelemetry, 0), (far, VictoriaTelemetry, 3)):
        telemetry = open_telemetry(tmp_path / kind.__name__, settings)
        assert type(telemetry) is kind
        names = [family.name for family in StoreGauges(telemetry).collect()]
        assert sum(name.startswith("isolane_center_far_") for name in names) == count
        await telemetry.close()


def test_a_settings_file_names_it(tmp_path: Path) -> None:
    file = tmp_path / "center.toml"
    file.write_text(
        '[center]\ndata = "data"\n[center.store.telemetry]\nurl = "http://127.0.0.1:8428"\n', encoding="utf-8"
    )
    assert load(file, "center", CenterSettings).store.telemetry == VictoriaSettings(url="http://127.0.0.1:8428")
    file.write_text('[center]\ndata = "data"\n[center.store]\ntelemetry = "elsewhere"\n', encoding="utf-8")
    with pytest.raises(IsolaneError, match=r"store\.telemetry"):
        load(file, "center", CenterSettings)


@pytest.mark.parametrize(
    ("url", "told_"),
    [
        ("http://metrics.example:8428", "in the clear"),
        ("ftp://127.0.0.1", "is http"),
        ("https://user:secret@metrics.example", "without names"),
    ],
)
def test_an_address_that_cannot_be_is_refused(url: str, told_: str) -> None:
    with pytest.raises(IsolaneError, match=told_) as error:
        VictoriaSettings(url=url)
    assert "secret" not in str(error.value)


async def test_rows_that_are_mostly_names_do_not_grow_past_what_it_takes(
    open_victoria: Open, gateway: FakeGateway
) -> None:
    """In a block of one row a series' names are larger than its sample, and a request has a bound in bytes."""
    telemetry = open_victoria()
    keys = (f"1.0/TemperatureSensor[{number}]/Temperature" for number in range(400))
    schema = gateway.schema(*(Signal("CP-1", key, "Celsius", 0.1) for key in keys))
    rows = tuple(gateway.block(schema.schema, np.full((400, 1), n), t0_ms=T0_MS + 1000 * n) for n in range(400))
    await telemetry.commit(Batch(schemas=(schema,), blocks=rows))
    assert await telemetry.send(LATER_MS) == 400
