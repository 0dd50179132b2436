"""This file thins what a gateway sends; it guards that a chart says so, and that a minute's sums are its signal."""

from collections.abc import Callable

import numpy as np
import pytest

from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.minutes import signal_of, with_sums
from isolane.center.store.port import Batch, BlockArrival, SchemaArrival
from isolane.center.store.views import Series, SeriesQuery, ThinnedRange
from isolane.core.rungs import Rung
from isolane.health.outbox.records import Draft
from isolane.health.thinner import Thinner
from isolane.health.thinning.settings import ThinningSettings
from isolane.wire.block import BlockKey, encode, gateway_tag
from isolane.wire.schema import Schema
from support.gateways import T0_MS, FakeGateway, power, voltage

Open = Callable[..., EmbeddedTelemetry]
POWER, VOLTAGE = "1.0/EVSE/Power", "1.0/EVSE/DCVoltage"
RUNGS = (Rung.FULL, Rung.DEADBAND, Rung.BOUNDED, Rung.MINUTE, Rung.FULL)
"""Of each minute."""
LATER_MS = T0_MS + 86_400_000
rolled = pytest.mark.parametrize("is_rolled", [False, True], ids=["hot", "lake"])


@pytest.mark.parametrize(
    ("key", "signal", "kind"),
    [
        ("1.0/EVSE/Power[min]", "1.0/EVSE/Power", "min"),
        ("1.0/EVSE/ACVoltage[L1.mean]", "1.0/EVSE/ACVoltage[L1]", "mean"),
        ("1.0/EVSE/ACVoltage[L1.sd]", "1.0/EVSE/ACVoltage[L1]", "sd"),
        ("1.0/EVSE/ACVoltage[L1]", "1.0/EVSE/ACVoltage[L1]", ""),
        ("1.0/Sensor[min]/Temperature", "1.0/Sensor[min]/Temperature", ""),
        ("", "", ""),
        ("[min]", "[min]", ""),
    ],
)
def test_a_sum_names_its_signal(key: str, signal: str, kind: str) -> None:
    assert signal_of(key) == (signal, kind)
    if kind:
        assert (key in with_sums([signal])) == (kind != "sd")


def _truth() -> np.ndarray:
    """A rising, noisy power and a voltage that moves by one step, of five minutes."""
    at = np.arange(300)
    return np.array([1000 + 10 * at + at * 7 % 5, 4000 + at % 2], np.int64)


async def filled(open_telemetry: Open, gateway: FakeGateway, *, is_rolled: bool) -> EmbeddedTelemetry:
    """Send five minutes, each on a rung of its own, as a gateway does."""
    telemetry = open_telemetry()
    schema = Schema.of((power(), voltage()))
    rung = Rung.FULL
    thinner = Thinner(schema, ThinningSettings(deadband_steps=20, bound_steps=8), lambda: rung)
    blocks: list[BlockArrival] = []
    for minute, rung in enumerate(RUNGS):  # noqa: B007 - the thinner asks for it
        part = _truth()[:, 60 * minute : 60 * minute + 60]
        draft = Draft(schema.id, T0_MS + 60_000 * minute, 1000, part, np.zeros(part.shape, np.uint8))
        for thinned in thinner.thin(draft):
            block = thinned.block(BlockKey(T0_MS, 1, len(blocks) + 1))
            data = encode(block, gateway_tag(gateway.site, gateway.name))
            blocks.append(BlockArrival(gateway.origin(), block, data, len(data)))
    schemas = tuple(SchemaArrival(gateway.origin(), one) for one in (schema, *thinner.minutes))
    await telemetry.commit(Batch(blocks=tuple(blocks), schemas=schemas))
    if is_rolled:
        assert await telemetry.roll(LATER_MS) == len(blocks)
    return telemetry


async def _series(telemetry: EmbeddedTelemetry, points: int, *signals: str) -> Series:
    return await telemetry.series(SeriesQuery("depot", "CP-1", signals, T0_MS, T0_MS + 300_000, points))


@rolled
async def test_a_thinned_stretch_has_its_rung_and_its_bound(
    open_telemetry: Open, gateway: FakeGateway, *, is_rolled: bool
) -> None:
    telemetry = await filled(open_telemetry, gateway, is_rolled=is_rolled)
    answer = await _series(telemetry, 300, POWER)
    (series,) = answer.signals
    assert answer.step_ms == 1000
    at = [T0_MS + 60_000 * minute for minute in range(6)]
    assert series.thinned == [
        ThinnedRange(at[1], at[2], ["deadband"], 20.0),
        ThinnedRange(at[2], at[3], ["bounded"], 8.0),
        ThinnedRange(at[3], at[4], ["minute"], 0.0),
    ]
    assert series.gaps == []
    truth = dict(zip(range(T0_MS, T0_MS + 300_000, 1000), _truth()[0].tolist(), strict=True))
    for t_ms, mean in zip(series.t_ms, series.mean, strict=True):
        own = next((one for one in series.thinned if one.from_ms <= t_ms < one.to_ms), None)
        if own is None or own.bound:
            assert mean is not None
            assert abs(mean - truth[t_ms]) <= (own.bound if own else 0)


@rolled
async def test_a_minute_is_a_step_of_its_signal(open_telemetry: Open, gateway: FakeGateway, *, is_rolled: bool) -> None:
    telemetry = await filled(open_telemetry, gateway, is_rolled=is_rolled)
    answer = await _series(telemetry, 5, POWER, VOLTAGE)
    assert answer.step_ms == 60_000
    for series, truth in zip(answer.signals, _truth(), strict=True):
        minute = truth[180:240] * series.resolution
        assert (series.min[3], series.max[3]) == (round(minute.min(), 1), round(minute.max(), 1))
        assert series.mean[3] == pytest.approx(minute.mean(), abs=series.resolution / 10)
        assert series.bad == [0] * 5
        assert [one.rungs for one in series.thinned] == [["deadband"], ["bounded"], ["minute"]]


@rolled
async def test_a_sum_can_be_asked_by_its_own_name(
    open_telemetry: Open, gateway: FakeGateway, *, is_rolled: bool
) -> None:
    telemetry = await filled(open_telemetry, gateway, is_rolled=is_rolled)
    least, deviation = (await _series(telemetry, 5, f"{POWER}[min]", f"{POWER}[sd]")).signals
    minute = _truth()[0][180:240]
    assert least.mean == [minute.min()]
    assert least.thinned == []
    assert deviation.mean == [pytest.approx(minute.std(), abs=0.1)]
    whole, beside = (await _series(telemetry, 5, POWER, f"{POWER}[sd]")).signals
    assert whole == (await _series(telemetry, 5, POWER)).signals[0]
    assert beside == deviation


@rolled
async def test_sums_are_no_signals_of_a_charger(open_telemetry: Open, gateway: FakeGateway, *, is_rolled: bool) -> None:
    telemetry = await filled(open_telemetry, gateway, is_rolled=is_rolled)
    assert [signal.key for signal in await telemetry.signals("depot", "CP-1")] == [VOLTAGE, POWER]
    (summary,) = await telemetry.fleet()
    assert summary.signals == 2
    assert summary.power_w == _truth()[0][-1]


async def test_the_newest_minute_is_the_newest_value(open_telemetry: Open, gateway: FakeGateway) -> None:
    telemetry = open_telemetry()
    schema = Schema.of((power(),))
    thinner = Thinner(schema, ThinningSettings(), lambda: Rung.MINUTE)
    draft = Draft(schema.id, T0_MS, 1000, np.arange(60)[None, :] * 10, np.zeros((1, 60), np.uint8))
    blocks = []
    for sequence, summed in enumerate(thinner.thin(draft), 1):
        block = summed.block(BlockKey(T0_MS, 1, sequence))
        data = encode(block, gateway_tag(gateway.site, gateway.name))
        blocks.append(BlockArrival(gateway.origin(), block, data, len(data)))
    assert len(blocks) == 4
    schemas = tuple(SchemaArrival(gateway.origin(), one) for one in thinner.minutes)
    await telemetry.commit(Batch(blocks=tuple(blocks), schemas=schemas))
    (now,) = await telemetry.signals("depot", "CP-1")
    assert (now.key, now.value, now.t_ms) == (POWER, 295.0, T0_MS)
