"""This file runs the assembled stages with a black box; it guards that rows get there, and only with its table."""

import asyncio
from pathlib import Path

from prometheus_client import generate_latest

from isolane.config.site import Site
from isolane.core.clock import SystemClock
from isolane.health.outbox.settings import OutboxSettings
from isolane.health.pipeline import Pipeline
from isolane.health.recorder.settings import RecorderSettings, RingSettings
from isolane.health.sampling.settings import SamplingSettings
from isolane.health.settings import HealthSettings
from isolane.health.sources.host.settings import HostSettings
from isolane.wire.snapshot_file.manifest import check
from support.outboxes import GATEWAY, SITE, until


def assembled(folder: Path, recorder: RecorderSettings | None) -> Pipeline:
    settings = HealthSettings(
        sampling=SamplingSettings(step_ms=100),
        outbox=OutboxSettings(path=folder / "o.db"),
        sources=(HostSettings(period_s=0.1),),
        recorder=recorder,
    )
    return Pipeline(Site(name=SITE, gateway=GATEWAY, run_dir=folder), settings, SystemClock())


async def test_rows_of_the_running_gateway_are_in_a_snapshot_that_was_asked_for(tmp_path: Path) -> None:
    made, stop = assembled(tmp_path, RecorderSettings(ring=RingSettings(flush_s=1.0))), asyncio.Event()
    recorder = made.recorder
    assert recorder is not None
    await made.outbox.open()
    running = asyncio.create_task(made.run(stop))
    await until(lambda: recorder.counts.rows > 5)
    recorder.command("")
    folder = tmp_path / "o.db.blackbox/snapshots"
    await until(lambda: bool(list(folder.glob("*.mcap"))))
    assert b'isolane_health_recorder_triggers_total{kind="command"} 1.0' in generate_latest(made.registry)
    stop.set()
    await running
    (path,) = folder.glob("*.mcap")
    verdict = check(path.read_bytes())
    assert (verdict.end, verdict.faults) == ("whole", [])
    assert verdict.manifest is not None
    assert verdict.manifest.messages["/wave"] > 5
    assert verdict.manifest.gateway == GATEWAY


async def test_without_its_table_there_is_none(tmp_path: Path) -> None:
    made = assembled(tmp_path, None)
    assert made.recorder is None
    assert b"recorder" not in generate_latest(made.registry)
    assert all(rhythm.watch is None for rhythm in made.rhythms)
