"""This file runs the black box behind a real tap; it guards that what names a person or opens a door is never in it."""

import asyncio
import logging
from pathlib import Path
from typing import ClassVar

import numpy as np
import zstandard
from mcap.stream_reader import get_chunk_data_stream

from isolane.config.site import Site
from isolane.core.clock import SystemClock
from isolane.health.recorder.recorder import Recorder
from isolane.health.recorder.segments import Kind
from isolane.health.recorder.settings import RecorderSettings, RingSettings
from isolane.tap.connections import Connections
from isolane.tap.session import Rules
from isolane.tap.stream import Budget
from isolane.wire.snapshot_file.anatomy import dissect
from isolane.wire.tap_event import AnyEvent, Packet
from support.black_boxes import SCHEMA
from support.outboxes import GATEWAY, SITE, until
from support.tap_rules import make_rules
from support.tap_world import World

CANARIES = ("04A2B3C4CANARY", "DE-8AA-CANARY-1", "canarypass123", "CanaryPass")
LOG = logging.getLogger("isolane.health.test")


def _texts(folder: Path, recorder: Recorder) -> bytes:
    """Give all that is on the disk, opened."""
    out = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    for record in recorder.keeper.ring.read(0):
        if record.kind not in {Kind.SCHEMA, Kind.BLOCK}:
            out += zstandard.ZstdDecompressor().decompress(record.body)
    for path in folder.rglob("*.mcap"):
        for part in dissect(path.read_bytes()).chunks:
            stream, length = get_chunk_data_stream(part.chunk)
            out += stream.read(length)
    return out


class Overheard(World):
    """A world whose tap's events are kept."""

    told: ClassVar[list[AnyEvent]] = []

    @staticmethod
    def _tap() -> tuple[Rules, Connections]:
        rules = make_rules(Budget(1 << 20))
        return rules, Connections(rules, Overheard.told.append, SystemClock(), 100)


def _break(word: str) -> None:
    raise ValueError(word)


async def test_no_canary_is_in_ring_snapshot_or_card(tmp_path: Path) -> None:
    world = Overheard(["ocpp1.6"])
    bursts: list[float] = []
    settings = RecorderSettings(ring=RingSettings(flush_s=1.0))
    site = Site(name=SITE, gateway=GATEWAY, run_dir=tmp_path)
    folder = tmp_path / "box"
    recorder = Recorder(settings, folder, site, SystemClock(), {"CP0", "CP-1"}, bursts.append)
    running = asyncio.create_task(recorder.run())
    await until(lambda: recorder.lines in logging.getLogger().handlers)
    recorder.row(0, SCHEMA, 1000, SystemClock().utc_ns() // 1_000_000, np.zeros(6, np.int64), np.zeros(6, np.uint8))
    for canary in CANARIES:
        LOG.warning("charger-refused charger=%s idTag=%s password=%s", "CP-1", canary, canary.encode())
        LOG.warning(f"said idTag={canary} {canary}")  # noqa: G004 - as one who forgets the house rules writes
        logging.getLogger("foreign").error("no %s", canary)
        try:
            _break(canary)
        except ValueError:
            LOG.exception("it-broke charger=%s", "CP-1")
    station = world.stations[0]
    for canary in CANARIES:
        world.call(station, "Authorize", {"idTag": canary})
        world.call(station, "DataTransfer", {"vendorId": canary, "data": canary})
        world.command(station, "ChangeConfiguration", {"key": "AuthorizationKey", "value": canary})
        fault = {"connectorId": 1, "status": "Faulted", "errorCode": "GroundFailure", "info": canary}
        world.call(station, "StatusNotification", {**fault, "vendorErrorCode": canary})
    assert len(Overheard.told) > 2 * len(CANARIES)
    recorder.hear(Packet(1, 0, tuple(Overheard.told)))
    recorder.command("")
    await until(lambda: bool(list(folder.rglob("*.mcap"))))
    running.cancel()
    await asyncio.wait({running})
    await recorder.close()
    found = _texts(folder, recorder)
    assert b"charger-refused charger=CP-1 " in found
    assert b"exception=ValueError" in found
    assert b"0.0/RealTimeClock/xOffset" in found
    assert bursts
    hits = [canary for canary in CANARIES if canary.encode() in found]
    assert not hits
