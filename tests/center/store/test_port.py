"""This file holds every telemetry store to its port; it guards that a series is exact wherever its samples lie by now.

The oracle is naive: it keeps every sample in a list and folds it in pure Python.
"""

import asyncio
import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.port import Batch, BlockArrival, SchemaArrival
from isolane.center.store.settings import StoreSettings
from isolane.center.store.victoria_telemetry import VictoriaTelemetry
from isolane.center.store.views import GapRange, Series, SeriesQuery, SignalSeries
from isolane.core.signals import Signal
from support.gateways import GOOD, STALE, T0_MS, TIMEOUT, FakeGateway, power, voltage
from support.patience import PATIENCE_S

POWER, VOLTAGE = power().key, voltage().key
LATER_MS = T0_MS + 10 * 86_400_000


@dataclass(frozen=True)
class Sample:
    t_ms: int
    value: float
    code: int


def samples_of(arrivals: Sequence[BlockArrival], schemas: Sequence[SchemaArrival], key: str) -> list[Sample]:
    """Take blocks apart, each once."""
    meaning = {schema.schema.id: schema.schema for schema in schemas}
    found = []
    for arrival in {a.block.key: a for a in arrivals}.values():
        block = arrival.block
        for at, column in enumerate(meaning[block.schema].columns):
            if (column.charger, column.key) == ("CP-1", key):
                found += [
                    Sample(
                        block.t0_ms + row * block.step_ms,
                        int(block.values[at, row]) * column.resolution,
                        int(block.codes[at, row]),
                    )
                    for row in range(block.values.shape[1])
                ]
    return found


def assert_exact(series: SignalSeries, samples: Sequence[Sample], answer: Series) -> None:
    """Compare each point with the samples of its step, and each step that has samples with its point."""
    by_step: dict[int, list[Sample]] = {}
    for sample in samples:
        if answer.from_ms <= sample.t_ms < answer.to_ms:
            by_step.setdefault(sample.t_ms // answer.step_ms * answer.step_ms, []).append(sample)
    points = zip(
        *(series.t_ms, series.mean, series.min, series.max, series.good, series.stale, series.bad), strict=True
    )
    seen = []
    for t_ms, mean, low, high, good, stale, bad in points:
        if not good + stale + bad:
            assert (mean, low, high) == (None, None, None)
            continue
        seen.append(t_ms)
        qualities = [sample.code & 3 for sample in by_step[t_ms]]
        assert [good, stale, bad] == [qualities.count(quality) for quality in (0, 1, 2)]
        values = [sample.value for sample in by_step[t_ms] if sample.code & 3 != 2]
        if not values:
            assert (mean, low, high) == (None, None, None)
            continue
        assert mean is not None
        assert math.isclose(mean, sum(values) / len(values), abs_tol=series.resolution / 100)
        assert (low, high) == (pytest.approx(min(values)), pytest.approx(max(values)))
    assert seen == sorted(by_step)
    assert series.t_ms == sorted(set(series.t_ms))


@dataclass(frozen=True)
class Plan:
    """One block to come; its samples follow from a seed."""

    fine: bool
    rows: int
    step_ms: int
    at: int
    seed: int


PLANS = st.builds(
    Plan,
    st.booleans(),
    st.integers(1, 20),
    st.sampled_from([1000, 5000, 60_000, 90_000]),
    st.integers(0, 20_000),
    st.integers(0, 1000),
)
CODES = np.array([GOOD, GOOD, GOOD, STALE, TIMEOUT])


def history(plans: Sequence[Plan]) -> tuple[list[SchemaArrival], list[BlockArrival]]:
    """Make blocks of a gateway with two schemas, the second with a finer voltage; equal plans are the same block."""
    gateway = FakeGateway()
    coarse = gateway.schema(power(), voltage())
    fine = gateway.schema(voltage("CP-2"), Signal("CP-1", VOLTAGE, "V", 0.01), power())
    numbers = {plan: number + 1 for number, plan in enumerate(dict.fromkeys(plans))}
    blocks = []
    for plan in plans:
        schema = (fine if plan.fine else coarse).schema
        random = np.random.default_rng(plan.seed)
        shape = (len(schema.columns), plan.rows)
        values, codes = random.integers(-(2**40), 2**40, shape), random.choice(CODES, shape)
        t0_ms = T0_MS + 500 * plan.at
        block = gateway.block(schema, values, codes, t0_ms=t0_ms, step_ms=plan.step_ms, sequence=numbers[plan])
        blocks.append(block)
    return [coarse, fine], blocks


@settings(max_examples=40, deadline=None)
@given(
    st.lists(PLANS, min_size=1, max_size=10).flatmap(lambda plans: st.permutations([*plans, *plans[::3]])),
    st.tuples(st.integers(0, 14), st.integers(0, 14)),
    st.tuples(st.integers(-10_000_000, 9_000_000), st.integers(1, 20_000_000), st.integers(2, 400)),
)
def test_series_are_exact(
    plans: list[Plan],
    when: tuple[int, int],
    asked: tuple[int, int, int],
) -> None:
    """Some blocks are in the lake (in two passes), some hot; schemas come before, between or after them."""
    schemas, blocks = history(plans)
    rolled, schemas_come = when
    from_ms, span_ms, points = asked
    query = SeriesQuery("depot", "CP-1", (POWER, VOLTAGE), T0_MS + from_ms, T0_MS + from_ms + span_ms, points)

    async def ask(folder: Path) -> Series:
        store = EmbeddedTelemetry(folder, StoreSettings(hot_minutes=1))
        try:
            for number, arrival in enumerate(blocks):
                if number == schemas_come:
                    await store.commit(Batch(schemas=tuple(schemas)))
                await store.commit(Batch(blocks=(arrival,)))
                if number in {rolled, rolled // 2}:
                    await store.roll(LATER_MS)
            await store.commit(Batch(schemas=tuple(schemas)))
            return await store.series(query)
        finally:
            await store.close()

    with tempfile.TemporaryDirectory() as folder:
        answer = asyncio.run(ask(Path(folder)))
    assert answer.from_ms <= query.from_ms
    assert answer.to_ms >= query.to_ms
    assert (answer.to_ms - answer.from_ms) // answer.step_ms <= points + 1
    for series in answer.signals:
        assert_exact(series, samples_of(blocks, schemas, series.signal), answer)


class Store:
    """An open store and what was put into it, in one of the places where samples can lie."""

    def __init__(self, telemetry: EmbeddedTelemetry, place: str) -> None:
        self.telemetry = telemetry
        self._place = place

    async def put(self, batch: Batch) -> None:
        await self.telemetry.commit(batch)
        if self._place == "lake":
            await self.telemetry.roll(LATER_MS)
        elif self._place != "hot":
            assert isinstance(self.telemetry, VictoriaTelemetry)
            await self.telemetry.send(LATER_MS)
            moved = 0
            async with asyncio.timeout(60):
                while self._place == "victoria" and moved < len({arrival.block.key for arrival in batch.blocks}):
                    await asyncio.sleep(0.2)
                    moved += await self.telemetry.roll(LATER_MS)
                    await self.telemetry.send(LATER_MS)

    async def series(self, from_ms: int, to_ms: int, points: int = 600, *signals: str) -> list[SignalSeries]:
        query = SeriesQuery("depot", "CP-1", signals or (POWER,), T0_MS + from_ms, T0_MS + to_ms, points)
        return (await self.telemetry.series(query)).signals


@pytest.fixture(params=["hot", "lake", "hot and victoria", "victoria"])
def open_store(request: pytest.FixtureRequest) -> Callable[[], Store]:
    """Opens the same store each time."""
    is_far = "victoria" in request.param
    opened: Callable[[], EmbeddedTelemetry] = request.getfixturevalue("open_victoria" if is_far else "open_telemetry")
    return lambda: Store(opened(), request.param)


@pytest.fixture
def store(open_store: Callable[[], Store]) -> Store:
    return open_store()


async def test_the_same_block_counts_once_wherever_it_lies(store: Store, gateway: FakeGateway) -> None:
    schema = gateway.schema()
    blocks = tuple(gateway.block(schema.schema, [[5], [6]], t0_ms=T0_MS + 1000 * n) for n in range(3))
    await store.put(Batch(blocks=blocks, schemas=(schema,)))
    again = await store.telemetry.commit(Batch(blocks=(*blocks, *blocks)))
    assert (again.blocks, again.duplicates, again.samples) == (0, 6, 0)
    (series,) = await store.series(0, 3000)
    assert series.good == [1, 1, 1]


async def test_a_hole_breaks_the_line_and_is_named_absent(store: Store, gateway: FakeGateway) -> None:
    schema = gateway.schema()
    blocks = tuple(gateway.block(schema.schema, [[5] * 10, [6] * 10], t0_ms=T0_MS + start) for start in (0, 30_000))
    await store.put(Batch(blocks=blocks, schemas=(schema,)))
    (series,) = await store.series(0, 40_000, 40)
    assert series.t_ms == [T0_MS + 1000 * n for n in (*range(11), *range(30, 40))]
    assert [mean is None for mean in series.mean].index(True) == 10
    assert series.gaps == [GapRange(T0_MS + 10_000, T0_MS + 30_000, ["absent"])]


async def test_a_gap_record_names_the_hole(store: Store, gateway: FakeGateway) -> None:
    schema = gateway.schema()
    first = gateway.block(schema.schema, [[5] * 10, [6] * 10])
    third = gateway.block(schema.schema, [[5] * 10, [6] * 10], t0_ms=T0_MS + 20_000, sequence=3)
    gap = gateway.gap(2, 2, T0_MS + 10_000, T0_MS + 20_000)
    await store.put(Batch(blocks=(first, third), schemas=(schema,), gaps=(gap, gap)))
    (series,) = await store.series(0, 30_000, 30)
    assert series.gaps == [GapRange(T0_MS + 10_000, T0_MS + 20_000, ["outbox-full"])]
    (coarse,) = await store.series(0, 3_600_000, 60)
    assert coarse.gaps == series.gaps


async def test_bad_samples_are_a_gap_with_their_reason(store: Store, gateway: FakeGateway) -> None:
    schema = gateway.schema()
    codes = [[GOOD, TIMEOUT, TIMEOUT, STALE], [GOOD] * 4]
    block = gateway.block(schema.schema, [[5] * 4, [6] * 4], codes)
    await store.put(Batch(blocks=(block,), schemas=(schema,)))
    power_w, voltage_v = await store.series(0, 4000, 10, POWER, VOLTAGE)
    assert power_w.mean == [5, None, None, 5]
    assert (power_w.good, power_w.stale, power_w.bad) == ([1, 0, 0, 0], [0, 0, 0, 1], [0, 1, 1, 0])
    assert power_w.gaps == [GapRange(T0_MS + 1000, T0_MS + 3000, ["timeout"])]
    assert voltage_v.gaps == []


async def test_slow_signals_are_not_broken_by_a_fine_step(store: Store, gateway: FakeGateway) -> None:
    fast, slow = gateway.schema(power()), gateway.schema(voltage())
    blocks = (
        gateway.block(fast.schema, [[5] * 180]),
        gateway.block(slow.schema, [[6] * 3], step_ms=60_000, stream=2),
    )
    await store.put(Batch(blocks=blocks, schemas=(fast, slow)))
    power_w, voltage_v = await store.series(0, 180_000, 200, POWER, VOLTAGE)
    assert power_w.t_ms == [T0_MS + 1000 * n for n in range(180)]
    assert voltage_v.t_ms == [T0_MS + 60_000 * n for n in range(3)]
    assert voltage_v.gaps == []


async def test_a_signal_that_nobody_knows_is_empty(store: Store, gateway: FakeGateway) -> None:
    schema = gateway.schema()
    await store.put(Batch(blocks=(gateway.block(schema.schema, [[5], [6]]),), schemas=(schema,)))
    (series,) = await store.series(0, 1000, 10, "1.0/EVSE/xNothing")
    assert (series.t_ms, series.unit, series.gaps) == ([], "", [])


async def test_sites_and_gateways_are_apart(store: Store, gateway: FakeGateway) -> None:
    other = FakeGateway(site="harbour", name="gw-9")
    schema, foreign = gateway.schema(), other.schema()
    blocks = (gateway.block(schema.schema, [[5], [6]]), other.block(foreign.schema, [[7], [8]]))
    await store.put(Batch(blocks=blocks, schemas=(schema, foreign)))
    (series,) = await store.series(0, 1000)
    assert (series.mean, series.good) == ([5], [1])


async def test_own_signals_of_a_gateway_have_their_own_device(store: Store, gateway: FakeGateway) -> None:
    schema = gateway.schema(Signal("", "0.0/Controller/Temperature", "Celsius", 0.1))
    await store.put(Batch(blocks=(gateway.block(schema.schema, [[415]]),), schemas=(schema,)))
    query = SeriesQuery("depot", "gateway:gw-1", ("0.0/Controller/Temperature",), T0_MS, T0_MS + 1000, 10)
    (series,) = (await store.telemetry.series(query)).signals
    assert series.mean == [41.5]
    assert [now.value for now in await store.telemetry.signals("depot", "gateway:gw-1")] == [41.5]
    assert await store.telemetry.fleet() == []


async def test_last_values_outlive_a_restart(
    store: Store, gateway: FakeGateway, open_store: Callable[[], Store]
) -> None:
    schema = gateway.schema()
    blocks = tuple(
        gateway.block(schema.schema, [[n], [n]], [[GOOD], [TIMEOUT]], t0_ms=T0_MS + 1000 * n) for n in range(5)
    )
    await store.put(Batch(blocks=blocks, schemas=(schema,)))
    before = await store.telemetry.signals("depot", "CP-1")
    await store.telemetry.close()
    reopened = open_store().telemetry
    assert await reopened.signals("depot", "CP-1") == before
    assert [(now.value, now.quality, now.reason) for now in before] == [(None, "bad", "timeout"), (4, "good", "none")]
    assert (await reopened.commit(Batch(blocks=blocks))).blocks == 0


async def test_a_listener_gets_each_newer_row_once(store: Store, gateway: FakeGateway) -> None:
    schema = gateway.schema()
    await store.put(Batch(schemas=(schema,), blocks=(gateway.block(schema.schema, [[1], [1]]),)))
    async with store.telemetry.listen("depot", "CP-1") as rows:
        new = gateway.block(schema.schema, [[2, 3], [2, 3]], t0_ms=T0_MS + 1000)
        late = gateway.block(schema.schema, [[9], [9]], t0_ms=T0_MS - 60_000)
        await store.telemetry.commit(Batch(blocks=(new, new, late)))
        got = [await asyncio.wait_for(anext(rows), PATIENCE_S) for _ in range(2)]
        await store.telemetry.commit(Batch(blocks=(gateway.block(schema.schema, [[4], [4]], t0_ms=T0_MS + 3000),)))
        got.append(await asyncio.wait_for(anext(rows), PATIENCE_S))
    assert [row.values[POWER] for row in got] == [(2, "good", "none"), (3, "good", "none"), (4, "good", "none")]
    assert [row.t_ms - T0_MS for row in got] == [1000, 2000, 3000]
