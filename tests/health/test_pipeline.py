"""This file runs the assembled stages; it guards what happens to rows when clocks and disks misbehave."""

import asyncio
import dataclasses
import threading
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import generate_latest

from isolane.config.site import Site
from isolane.core.clock import SystemClock
from isolane.core.failures import IsolaneError
from isolane.core.rungs import Rung
from isolane.core.samples import Reason
from isolane.health.budget.settings import BudgetSettings
from isolane.health.outbox.outbox import Outbox
from isolane.health.outbox.settings import OutboxSettings
from isolane.health.pipeline import Pipeline
from isolane.health.sampling.settings import SamplingSettings
from isolane.health.settings import HealthSettings
from isolane.health.sources.host.connect import ClockFacts, Host, HostFacts
from isolane.health.sources.host.plan import CLOCK_SYNCHRONISED
from isolane.health.sources.host.settings import HostSettings
from isolane.health.sources.ocpp.settings import OcppSettings
from isolane.health.thinning.segment import read
from isolane.health.thinning.settings import ThinningSettings
from isolane.wire.block import Block, decode
from isolane.wire.uplink import Up
from support.outboxes import GATEWAY, SITE, TAG, is_balanced, until

STEP_MS = 100


class SetClock(SystemClock):
    """This machine's clocks, with a UTC clock that can be set."""

    def __init__(self) -> None:
        self.by_ms = 0

    def utc_ns(self) -> int:
        return super().utc_ns() + self.by_ms * 1_000_000


def pipeline(folder: Path, clock: SystemClock, block_rows: int = 3) -> Pipeline:
    settings = HealthSettings(
        sampling=SamplingSettings(step_ms=STEP_MS),
        outbox=OutboxSettings(path=folder / "o.db", block_rows=block_rows),
        sources=(HostSettings(period_s=0.1),),
    )
    return Pipeline(Site(name=SITE, gateway=GATEWAY, run_dir=folder), settings, clock)


async def blocks(folder: Path, made: Pipeline) -> list[Block]:
    """Open the outbox again and give its blocks in the order they were made."""
    outbox = Outbox(OutboxSettings(path=folder / "o.db"), TAG, SystemClock(), made.schema)
    await outbox.open()
    picked = await outbox.pick("test", frozenset(), frozenset(), 999, newest_first=False)
    await outbox.close()
    found = [decode(each.data, TAG) for each in picked if each.kind is Up.BLOCK]
    return sorted(found, key=lambda block: (block.key.epoch, block.key.sequence))


async def run_until(folder: Path, clock: SetClock, *steps: tuple[int, int]) -> tuple[Pipeline, list[Block]]:
    """Run; after so many stored blocks each, set the clock by so much; give what was stored in the end."""
    made = pipeline(folder, clock)
    stop = asyncio.Event()
    await made.outbox.open()
    running = asyncio.create_task(made.run(stop))
    for count, by_ms in steps:
        await until(partial(lambda least: made.counts.blocks >= least, count))
        clock.by_ms += by_ms
    stop.set()
    await asyncio.wait_for(running, 10)
    return made, await blocks(folder, made)


async def test_rows_become_blocks_of_all_signals_without_a_hole(tmp_path: Path) -> None:
    made, found = await run_until(tmp_path, SetClock(), (4, 0))
    assert [block.key.sequence for block in found] == list(range(1, len(found) + 1))
    for one, other in pairwise(found):
        assert other.t0_ms >= one.t0_ms + STEP_MS * one.values.shape[1]
    assert all(block.t0_ms % STEP_MS == 0 for block in found)
    assert {block.schema for block in found} == {made.schema.id}
    assert {block.values.shape[0] for block in found} == {len(made.schema.columns)}
    rows = sum(block.values.shape[1] for block in found)
    assert rows == made.counts.rows, "the open block was sealed at the end"
    assert is_balanced(made.outbox.tally)


async def test_a_clock_set_back_begins_a_new_epoch(tmp_path: Path) -> None:
    _, found = await run_until(tmp_path, SetClock(), (2, -60_000), (4, 0))
    epochs = sorted({block.key.epoch for block in found})
    assert len(epochs) == 2
    for epoch in epochs:
        own = [block for block in found if block.key.epoch == epoch]
        assert [block.key.sequence for block in own] == list(range(1, len(own) + 1))
        assert all(one.t0_ms < other.t0_ms for one, other in pairwise(own))
    assert found[-1].t0_ms < found[0].t0_ms


async def test_a_clock_set_forward_leaves_a_hole_between_blocks(tmp_path: Path) -> None:
    made, found = await run_until(tmp_path, SetClock(), (2, 60_000), (4, 0))
    assert len({block.key.epoch for block in found}) == 1
    assert made.counts.clock_steps == 1
    ends = [block.t0_ms + STEP_MS * block.values.shape[1] for block in found]
    holes = [other.t0_ms - end for end, other in zip(ends, found[1:], strict=False)]
    assert sum(hole > 50_000 for hole in holes) == 1


async def test_rows_say_that_the_clock_was_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = Host.look

    def look(self: Host, *, rapid: bool = False) -> HostFacts:
        return dataclasses.replace(truth(self, rapid=rapid), clock=ClockFacts(0, 0, 0))  # synchronised, it says

    monkeypatch.setattr(Host, "look", look)
    made, found = await run_until(tmp_path, SetClock(), (3, 60_000), (8, 0))
    column = [each.key for each in made.schema.columns].index(CLOCK_SYNCHRONISED)
    said = np.concatenate([block.values[column] for block in found])
    assert (said[0], said[-1]) == (1, 0)
    assert [now - before for before, now in pairwise(said) if now != before] == [-1], "it changes once"


async def test_a_disk_that_hangs_costs_no_tick(tmp_path: Path) -> None:
    made = pipeline(tmp_path, SetClock(), block_rows=1)
    stop, disk = asyncio.Event(), threading.Event()
    await made.outbox.open()
    running = asyncio.create_task(made.run(stop))
    await until(lambda: made.counts.blocks >= 2)
    hung = asyncio.create_task(made.outbox._call(disk.wait, 10))
    rows, missed = made.counts.rows, made.counts.rows_missed
    await until(lambda: made.counts.rows >= rows + 5)
    assert made.counts.rows_missed == missed
    disk.set()
    await hung
    await until(lambda: made.counts.blocks >= rows + 5)
    stop.set()
    await asyncio.wait_for(running, 10)
    assert made.counts.blocks_unqueued == 0


async def test_the_metrics_page_shows_every_stage(tmp_path: Path) -> None:
    made = pipeline(tmp_path, SetClock())
    await made.outbox.open()
    page = generate_latest(made.registry).decode()
    await made.outbox.close()
    for name in (
        'isolane_health_samples_total{reason="",state="produced"}',
        'isolane_health_samples_total{reason="outbox-full",state="dropped"}',
        "isolane_health_samples_queued",
        "isolane_health_outbox_bytes",
        'isolane_health_outbox_troubles_total{kind="quarantined-file"}',
        'isolane_health_rows_total{outcome="missed"}',
        'isolane_health_source_signals{source="host"}',
        "process_cpu_seconds_total",
    ):
        assert name in page


def test_nothing_to_read_is_said_in_words(tmp_path: Path) -> None:
    settings = HealthSettings(outbox=OutboxSettings(path=tmp_path / "o.db"), sources=(OcppSettings(),))
    with pytest.raises(IsolaneError, match="no source gives a signal"):
        Pipeline(Site(name=SITE, gateway=GATEWAY, run_dir=tmp_path), settings, SystemClock())


async def test_what_is_sent_thinned_is_kept_as_it_was_under_the_same_key(tmp_path: Path) -> None:
    settings = HealthSettings(
        sampling=SamplingSettings(step_ms=STEP_MS),
        budget=BudgetSettings(month_mb=1e-7, ladder=("deadband",)),
        thinning=ThinningSettings(block_rows=4),
        outbox=OutboxSettings(path=tmp_path / "o.db", block_rows=4),
        sources=(HostSettings(period_s=0.1),),
    )
    made = Pipeline(Site(name=SITE, gateway=GATEWAY, run_dir=tmp_path), settings, SystemClock())
    stop = asyncio.Event()
    await made.outbox.open()
    running = asyncio.create_task(made.run(stop))
    await until(lambda: made.budget.rung is Rung.DEADBAND, "nothing is left of the month")
    before = made.counts.blocks
    await until(lambda: made.counts.blocks >= before + 4)
    asked = [block async for _, block in made.kept.between()]
    assert asked, "it can be asked for while it runs"
    stop.set()
    await asyncio.wait_for(running, 10)
    assert is_balanced(made.outbox.tally)
    sent = {block.key: block for block in await blocks(tmp_path, made)}
    kept = {block.key: block for schema, block in read(tmp_path / "o.db.kept") if schema == made.schema}
    assert kept.keys() == {key for key, block in sent.items() if block.thinned is not None}
    assert len(kept) >= len(asked) > 0
    assert made.counts.blocks > len(kept), "what was sent whole is not kept"
    for key, whole in kept.items():
        thin = sent[key]
        away = thin.codes >> 2 == Reason.THINNED
        assert (whole.t0_ms, whole.step_ms, whole.values.shape) == (thin.t0_ms, thin.step_ms, thin.values.shape)
        assert np.array_equal(whole.values[~away], thin.values[~away])
        assert thin.samples < whole.samples
    assert made.outbox.tally.thinned == sum(whole.samples - sent[key].samples for key, whole in kept.items())
    assert "isolane_health_kept_bytes" in generate_latest(made.registry).decode()
