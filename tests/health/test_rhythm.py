"""This file tests the streams of a gateway; it guards that each has rows at its own step, and its own books."""

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from isolane.config.site import Site
from isolane.config.values import Address
from isolane.core.clock import SystemClock
from isolane.core.failures import IsolaneError
from isolane.core.signals import Signal
from isolane.health.outbox.outbox import Outbox
from isolane.health.outbox.settings import OutboxSettings
from isolane.health.pipeline import Pipeline
from isolane.health.rhythm import BURST, FAST, SITE, beats
from isolane.health.sampling.settings import FastSettings, SamplingSettings
from isolane.health.settings import HealthSettings
from isolane.health.sources.host.settings import HostSettings
from isolane.health.sources.modbus.settings import DeviceSettings, ModbusSettings
from isolane.wire.anchor import decode_anchor, is_anchor
from isolane.wire.block import Block, decode
from isolane.wire.uplink import Up
from support.outboxes import GATEWAY, TAG, is_balanced, until
from support.outboxes import SITE as SITE_NAME

SIGNALS = tuple(Signal("CP1", f"1.0/EVSE/{name}", "", 1) for name in ("DCCurrent", "DCVoltage", "Power"))
CURRENT, VOLTAGE, POWER = ((signal.charger, signal.key) for signal in SIGNALS)
FAST_SAMPLING = SamplingSettings(fast=FastSettings(step_ms=100, block_rows=50))


class SetClock(SystemClock):
    """This machine's clocks, with a UTC clock that can be set."""

    def __init__(self) -> None:
        self.by_ms = 0

    def utc_ns(self) -> int:
        return super().utc_ns() + self.by_ms * 1_000_000


def test_without_fast_rows_all_signals_stand_in_the_sites() -> None:
    (site,) = beats(SamplingSettings(), 10, SIGNALS, {CURRENT: 0.1}, {})
    assert (site.stream, site.signals, site.block_rows) == (SITE, SIGNALS, 10)


def test_signals_are_shared_out_by_how_often_they_are_read() -> None:
    site, fast, burst = beats(FAST_SAMPLING, 10, SIGNALS, {CURRENT: 0.1, VOLTAGE: 1.0, POWER: 10.0}, {VOLTAGE: 0.1})
    assert [beat.stream for beat in (site, fast, burst)] == [SITE, FAST, BURST]
    assert (site.signals, fast.signals, burst.signals) == (SIGNALS[1:], SIGNALS[:1], SIGNALS[1:2])
    assert [beat.sampling.step_ms for beat in (site, fast, burst)] == [1000, 100, 100]
    assert [beat.block_rows for beat in (site, fast, burst)] == [10, 50, 50]
    assert [beat.in_bursts for beat in (site, fast, burst)] == [False, False, True]
    assert burst.periods_s[VOLTAGE] == 0.1


@pytest.mark.parametrize(
    ("sampling", "periods", "bursts", "words"),
    [
        (SamplingSettings(), {}, {VOLTAGE: 0.1}, "bursts"),
        (FAST_SAMPLING, {}, {}, "more often than every 1000 ms"),
        (FAST_SAMPLING, dict.fromkeys((CURRENT, VOLTAGE, POWER), 0.1), {}, "nothing is left"),
    ],
)
def test_what_cannot_be_is_said_in_words(
    sampling: SamplingSettings, periods: dict[tuple[str, str], float], bursts: dict[tuple[str, str], float], words: str
) -> None:
    with pytest.raises(IsolaneError, match=words):
        beats(sampling, 10, SIGNALS, periods, bursts)


def pipeline(folder: Path, clock: SystemClock, *, in_bursts: bool = False) -> Pipeline:
    meter = ModbusSettings(
        name="meter",
        address=Address("127.0.0.1", 9),  # nobody listens: BAD samples are samples
        devices=(
            DeviceSettings(
                charger="CP1", template="eastron_sdm630", only=("ElectricalFeed",), rapid=("ElectricalFeed/Power",)
            ),
        ),
        fast_s=0.5,
        rapid_s=0.02,
        rapid_when="bursts" if in_bursts else "always",
    )
    settings = HealthSettings(
        sampling=SamplingSettings(step_ms=500, fast=FastSettings(step_ms=10, block_rows=10)),
        outbox=OutboxSettings(path=folder / "o.db", block_rows=2),
        sources=(HostSettings(period_s=0.5), meter),
    )
    return Pipeline(Site(name=SITE_NAME, gateway=GATEWAY, run_dir=folder), settings, clock)


async def stored(folder: Path, made: Pipeline) -> dict[int, list[Block]]:
    """Open the outbox again and give its blocks by stream, in the order they were made."""
    outbox = Outbox(OutboxSettings(path=folder / "o.db"), TAG, SystemClock(), made.schema)
    await outbox.open()
    tally = outbox.tally
    picked = await outbox.pick("test", frozenset(), frozenset(), 9999, newest_first=False, in_order=True)
    found: dict[int, list[Block]] = {}
    for each in (message for message in picked if message.kind is Up.BLOCK):
        meaning = await outbox.schema(each.schema)
        assert meaning is not None
        anchors = dict([decode_anchor(meaning)]) if is_anchor(meaning) else {}
        block = decode(each.data, TAG, anchors)
        found.setdefault(block.key.stream, []).append(block)
    entries = {(entry.epoch, entry.stream): entry for entry in await outbox.entries()}
    await outbox.close()
    assert is_balanced(tally)
    for stream, blocks in found.items():
        for epoch in {block.key.epoch for block in blocks}:
            own = [block for block in blocks if block.key.epoch == epoch]
            assert [block.key.sequence for block in own] == list(range(1, len(own) + 1))
            assert all(one.t0_ms < other.t0_ms for one, other in pairwise(own)), "t only rises"
            assert entries[epoch, stream].balanced
            assert entries[epoch, stream].produced == sum(block.samples for block in own)
    return found


async def test_fast_rows_are_a_stream_of_their_own(tmp_path: Path) -> None:
    made, stop = pipeline(tmp_path, SetClock()), asyncio.Event()
    await made.outbox.open()
    running = asyncio.create_task(made.run(stop))
    await until(lambda: made.counts.blocks >= 12)
    stop.set()
    await running
    found = await stored(tmp_path, made)
    site, fast = (rhythm.schema for rhythm in made.rhythms)
    assert {block.schema for block in found[SITE]} == {site.id}
    assert {block.schema for block in found[FAST]} == {fast.id}
    assert {(block.step_ms, block.t0_ms % 10) for block in found[FAST]} == {(10, 0)}
    assert {block.step_ms for block in found[SITE]} == {500}
    assert [column.key for column in fast.columns] == ["1.0/ElectricalFeed/Power"]
    assert not set(site.columns) & set(fast.columns)


async def until_both_have_produced(made: Pipeline, since: int) -> None:
    """Wait until each stream has a block in that epoch or a later one."""
    async with asyncio.timeout(20):
        while {e.stream for e in await made.outbox.entries() if e.epoch >= since and e.produced} != {SITE, FAST}:
            await asyncio.sleep(0.02)


async def test_each_stream_survives_a_clock_that_is_set_back_and_a_restart(tmp_path: Path) -> None:
    clock = SetClock()
    for _ in range(2):
        made, stop = pipeline(tmp_path, clock), asyncio.Event()
        await made.outbox.open()
        running = asyncio.create_task(made.run(stop))
        await until_both_have_produced(made, since=made.outbox.epoch)
        clock.by_ms -= 60_000
        await until_both_have_produced(made, since=made.outbox.epoch + 1)
        stop.set()
        await running
    found = await stored(tmp_path, made)
    for stream in (SITE, FAST):
        assert len({block.key.epoch for block in found[stream]}) >= 4


async def test_a_burst_is_rows_beside_the_sites_for_a_while(tmp_path: Path) -> None:
    made, stop = pipeline(tmp_path, SetClock(), in_bursts=True), asyncio.Event()
    await made.outbox.open()
    running = asyncio.create_task(made.run(stop))
    await until(lambda: made.counts.blocks >= 2)
    rows = made.rhythms[1].grid.counts.accepted
    made.burst(0.5)
    await until(lambda: made.rhythms[1].grid.counts.accepted > rows + 5)
    before = made.counts.blocks
    await until(lambda: made.counts.blocks >= before + 3)
    stop.set()
    await running
    found = await stored(tmp_path, made)
    assert sum(block.values.shape[1] for block in found[BURST]) in range(5, 53), "half a second at 100 Hz"
    key = "1.0/ElectricalFeed/Power"
    assert all(key in {column.key for column in rhythm.schema.columns} for rhythm in made.rhythms)
