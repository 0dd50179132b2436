"""This file stores signals without a resolution; it guards that each float comes out as it went in, hot or rolled."""

import asyncio
import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.port import Batch
from isolane.center.store.scaling import sample_of, scaled
from isolane.center.store.views import SeriesQuery, SignalSeries
from isolane.core.signals import Signal
from isolane.wire.floats import pattern, to_bits
from support.gateways import GOOD, T0_MS, TIMEOUT, FakeGateway, voltage

Open = Callable[..., EmbeddedTelemetry]
BARE = Signal("CP-1", "1.0/EVSE[Meter]/xDistortion", "Percent", 0)
POWER = Signal("CP-1", "1.0/EVSE/Power", "W", 0)
LATER_MS = T0_MS + 86_400_000
VALUES = [0.1 + 0.2, -1e-300, 5e-324, 1.7976931348623157e308, 0.0, 1 / 3]
OUT_OF_RANGE = 6 << 2 | 2


async def filled(telemetry: EmbeddedTelemetry, gateway: FakeGateway) -> None:
    schema = gateway.schema(voltage(), BARE)
    patterns = [pattern(value) for value in VALUES]
    codes = [[GOOD] * 7, [*[GOOD] * 6, TIMEOUT]]
    block = gateway.block(schema.schema, [range(7), [*patterns, 0]], codes)
    await telemetry.commit(Batch(schemas=(schema,), blocks=(block,)))


async def told(telemetry: EmbeddedTelemetry, span_ms: int = 7000, points: int = 7) -> list[SignalSeries]:
    keys = (BARE.key, voltage().key)
    return (await telemetry.series(SeriesQuery("depot", "CP-1", keys, T0_MS, T0_MS + span_ms, points))).signals


@pytest.mark.parametrize("is_rolled", [False, True], ids=["hot", "lake"])
async def test_a_series_has_the_floats_themselves(
    open_telemetry: Open, gateway: FakeGateway, *, is_rolled: bool
) -> None:
    telemetry = open_telemetry()
    await filled(telemetry, gateway)
    if is_rolled:
        assert await telemetry.roll(LATER_MS) == 1
    bare, whole = await told(telemetry)
    for line in (bare.mean, bare.min, bare.max):
        assert line == [*VALUES, None]
    assert (bare.resolution, bare.bad, [gap.reasons for gap in bare.gaps]) == (0, [0] * 6 + [1], [["timeout"]])
    assert whole.mean == [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    (minute, _) = await told(telemetry, 60_000, 1)
    assert (minute.min, minute.max, minute.good) == ([min(VALUES)], [max(VALUES)], [6])
    assert minute.mean == [pytest.approx(sum(VALUES) / 6)]


async def test_last_samples_and_those_that_come_are_the_floats_themselves(
    open_telemetry: Open, gateway: FakeGateway
) -> None:
    telemetry = open_telemetry()
    schema = gateway.schema(BARE, POWER)
    await telemetry.commit(Batch(schemas=(schema,)))
    async with telemetry.listen("depot", "CP-1") as rows:
        block = gateway.block(schema.schema, [[pattern(1 / 3)], [pattern(10_999.96)]])
        await telemetry.commit(Batch(blocks=(block,)))
        async with asyncio.timeout(10):
            row = await anext(rows)
    assert {key: value[0] for key, value in row.values.items()} == {BARE.key: 1 / 3, POWER.key: 10_999.96}
    assert [signal.value for signal in await telemetry.signals("depot", "CP-1")] == [10_999.96, 1 / 3]
    (charger,) = await telemetry.fleet()
    assert charger.power_w == 10_999.96


async def test_the_lake_of_an_older_release_is_read_beside_a_new_one(
    open_telemetry: Open, gateway: FakeGateway, tmp_path: Path
) -> None:
    telemetry = open_telemetry()
    schema = gateway.schema(voltage())
    await telemetry.commit(Batch(schemas=(schema,), blocks=(gateway.block(schema.schema, [[40, 41]]),)))
    await telemetry.roll(LATER_MS)
    for path in (tmp_path / "telemetry" / "lake").rglob("*.parquet"):
        table = pq.read_table(path, partitioning=None)
        pq.write_table(table.drop_columns([name for name in table.column_names if name.startswith("real")]), path)
    assert (await told(telemetry, 2000, 2))[1].mean == [4.0, 4.1]
    schema = gateway.schema(BARE)
    block = gateway.block(schema.schema, [[pattern(1 / 3)] * 2], t0_ms=T0_MS)
    await telemetry.commit(Batch(schemas=(schema,), blocks=(block,)))
    await telemetry.roll(LATER_MS)
    for span_ms, points in ((2000, 2), (60_000, 1)):
        bare, whole = await told(telemetry, span_ms, points)
        assert (bare.max[0], whole.min[0]) == (1 / 3, 4.0)


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([GOOD, 1, TIMEOUT]))
def test_one_sample_and_many_are_scaled_alike(value: float, code: int) -> None:
    values, codes = scaled(to_bits(np.array([value])), np.array([code], np.uint8), 0)
    one, one_code = sample_of(pattern(value), code, 0)
    assert (one, one_code) == (None if code == TIMEOUT else value, code)
    assert (values[0], codes[0]) == (0 if code == TIMEOUT else value, code)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_no_gateway_of_ours_sends_is_bad_and_no_number(value: float) -> None:
    """A block may call a column scaled integers that its schema calls floats; any pattern may stand in it."""
    values, codes = scaled(to_bits(np.array([value, 1.5])), np.zeros(2, np.uint8), np.array([0.0, 0.0]))
    assert (values.tolist(), codes.tolist()) == ([0, 1.5], [OUT_OF_RANGE, GOOD])
    assert sample_of(pattern(value), GOOD, 0) == (None, OUT_OF_RANGE)


async def test_a_block_with_other_floats_than_its_schema_spoils_no_answer(
    open_telemetry: Open, gateway: FakeGateway
) -> None:
    telemetry = open_telemetry()
    schema = gateway.schema(BARE)
    lying = gateway.schema(dataclasses.replace(BARE, resolution=1))
    block = gateway.block(lying.schema, [[pattern(math.nan), pattern(2.5)]])
    arrival = dataclasses.replace(block, block=dataclasses.replace(block.block, schema=schema.schema.id))
    await telemetry.commit(Batch(schemas=(schema,), blocks=(arrival,)))
    bare, _ = await told(telemetry, 2000, 2)
    assert (bare.mean, bare.bad) == ([None, 2.5], [1, 0])


@pytest.mark.parametrize("resolution", [1e300, 1e-300, 1.0])
def test_a_product_that_is_no_number_is_told_as_none(resolution: float) -> None:
    """And without a warning, which would stand in the center's log."""
    values = [(1 << 63) - 1, -(1 << 62), 0]
    told, codes = scaled(np.array(values), np.zeros(3, np.uint8), resolution)
    assert np.isfinite(told).all()
    assert codes.tolist() == [0 if resolution <= 1 else OUT_OF_RANGE] * 2 + [0]
    for value, number, code in zip(values, told, codes, strict=True):
        one, its_code = sample_of(value, 0, resolution)
        assert (its_code, one is None) == (code, code == OUT_OF_RANGE)
        assert one is None or one == pytest.approx(number)
