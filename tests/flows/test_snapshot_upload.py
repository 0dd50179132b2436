"""This file kills a gateway while its black box writes; it guards that the next run brings the snapshot to the center.

The center is a process of its own. Its answers alone make the gateway count a snapshot as arrived.
"""

import hashlib
import socket
import time
from pathlib import Path

import msgspec
import pytest

from isolane.health.recorder.shelf import Entry
from isolane.wire import tap_event
from isolane.wire.snapshot import CUT, OPEN
from isolane.wire.snapshot_file.manifest import check
from support.broker import Pki, free_port, make_pki
from support.center_process import CenterProcess
from support.health_process import Health
from support.outboxes import GATEWAY, SITE, until

CENTER = """
[center]
data = "data"
console = "127.0.0.1:0"

[center.https]
address = "127.0.0.1:{port}"
certificate = "{pki.server.certificate}"
key = "{pki.server.key}"
client_ca = "{pki.ca}"
"""
LINK = """type = "https"
url = "https://127.0.0.1:{port}"

[health.recorder.ring]
flush_s = 1.0
"""
ARRIVED = "isolane_health_recorder_snapshots_at_center_total"


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("pki"), GATEWAY)


def entry(folder: Path) -> Entry | None:
    """Give what stands beside the snapshot."""
    for path in folder.glob("outbox.db.blackbox/snapshots/*.json"):
        return msgspec.json.decode(path.read_bytes(), type=Entry)
    return None


def told(folder: Path) -> Entry:
    """Give it, which is there."""
    found = entry(folder)
    assert found is not None
    return found


def fault(folder: Path) -> None:
    """Tell of a fault as the tap does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as tap:
        tap.connect(str(folder / "run" / "events.sock"))
        for status in ("Available", "Faulted"):
            event = tap_event.StatusChanged("CP-1", time.monotonic_ns(), 1, 1, status, "NoError")
            tap.send(tap_event.encode(tap_event.Packet(1, 0, (event,))))


async def test_what_was_frozen_before_a_kill_is_at_the_center_after_it(tmp_path: Path, pki: Pki) -> None:
    port, folder = free_port(), tmp_path / "gateway"
    folder.mkdir()
    center = CenterProcess(tmp_path, CENTER.format(pki=pki, port=port))
    health = Health(folder, pki, LINK.format(port=port), flush_s=1)
    try:
        await health.start()
        await until(lambda: health.metrics()["isolane_health_recorder_flushes_total"] >= 2, "rows in the ring")
        fault(folder)
        await until(lambda: entry(folder) is not None, "a snapshot")
        center.start()
        await until(lambda: bool((found := entry(folder)) and found.upload.beyond), "its card is at the center")
        assert told(folder).card.state == OPEN
        health.kill()
        await health.start()
        await until(lambda: health.metrics().get(ARRIVED) == 1, "the snapshot is at the center")
        (file,) = folder.glob("outbox.db.blackbox/snapshots/*.mcap")
        found, data = told(folder), file.read_bytes()
        assert (found.card.state, found.card.sha256) == (CUT, hashlib.sha256(data).hexdigest())
        collected = tmp_path / "data" / "snapshots" / SITE / GATEWAY / file.name
        await until(collected.exists, "the center has put it together")
        assert collected.read_bytes() == data
        verdict = check(data)
        assert (verdict.end, verdict.faults) == (CUT, [])
        assert verdict.manifest is not None
        assert [each.kind for each in verdict.manifest.triggers] == ["fault"]
        before = [one for one in verdict.anatomy.messages if one.log_time < found.card.begun_ms * 1_000_000]
        assert len(before) > 5, "what was before the trigger is in it"
    finally:
        health.kill()
        center.end()
