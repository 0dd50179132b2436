"""This file runs the assembled stages with a black box; it guards that rows get there, and only with its table."""

import asyncio
from pathlib import Path

import msgspec
from prometheus_client import generate_latest

from isolane.config.site import Site
from isolane.core.clock import SystemClock
from isolane.health.black_box import overhear, upload
from isolane.health.links.https.settings import HttpsSettings
from isolane.health.links.influx.settings import InfluxSettings
from isolane.health.outbox.cursor import Pace
from isolane.health.outbox.settings import OutboxSettings
from isolane.health.pipeline import Pipeline
from isolane.health.recorder.settings import RecorderSettings, RingSettings
from isolane.health.sampling.settings import SamplingSettings
from isolane.health.settings import HealthSettings
from isolane.health.sources.host.settings import HostSettings
from isolane.wire.snapshot_file.manifest import check
from isolane.wire.uplink import VERSION, Ack, Downlink
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


async def test_only_what_a_center_acknowledges_is_heard(tmp_path: Path) -> None:
    made = assembled(tmp_path, RecorderSettings())
    recorder = made.recorder
    assert recorder is not None
    tls: dict[str, Path] = dict.fromkeys(("ca", "certificate", "key"), tmp_path / "x.pem")
    center = HttpsSettings(url="https://center.example", **tls)  # type: ignore[arg-type]
    target = InfluxSettings(url="http://127.0.0.1:1", database="d", version=1)
    settings = HealthSettings(
        outbox=OutboxSettings(path=tmp_path / "o.db"), sources=(HostSettings(),), links=(target, center)
    )
    upload(recorder, msgspec.structs.replace(settings, links=(target,)), made.outbox)
    assert not recorder.uploads, "without a link to a center nothing is put"
    upload(recorder, settings, made.outbox)
    heard: list[tuple[int, int, int]] = []
    recorder.uploads.heard = heard.extend  # type: ignore[union-attr,method-assign]
    cursor = made.outbox.cursor("https", Pace(1, 1.0, 1.0, newest_first=True))
    assert overhear(recorder, settings, "influx", cursor) is cursor
    await made.outbox.open()
    try:
        await overhear(recorder, settings, "https", cursor).answer(Downlink(VERSION, (Ack(7, 15, (1, 2), (3,)),)))
    finally:
        await made.outbox.close()
    assert heard == [(7, 15, 1), (7, 15, 2)]
    assert cursor.counts.answers == 1
