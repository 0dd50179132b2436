"""This file tests the count of what is written; it guards that it is the outbox's own and grows with what it keeps."""

import os
import subprocess
import sys
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

from isolane.core.clock import SystemClock
from isolane.health.outbox.metrics import OutboxCollector
from isolane.health.outbox.outbox import Outbox
from isolane.health.outbox.wear import Wear
from support.outboxes import SCHEMA, TAG, draft, settings

BLOCKS = 50


async def test_what_is_written_is_counted_and_shown() -> None:
    folder = Path(__file__).parent / f".wear-{os.getpid()}"  # a real disk: the kernel counts none of it in memory
    folder.mkdir()
    try:
        outbox = Outbox(settings(folder / "o.db"), TAG, SystemClock(), SCHEMA)
        await outbox.open()
        before = outbox.wear.written_bytes
        for number in range(BLOCKS):
            await outbox.put(draft(number))
        after = outbox.wear.written_bytes
        assert before is not None
        assert after is not None
        assert 0 < after - before < BLOCKS * 200_000
        registry = CollectorRegistry()
        registry.register(OutboxCollector(outbox))
        assert b"isolane_health_outbox_written_bytes_total" in generate_latest(registry)
        await outbox.close()
        assert outbox.wear.written_bytes is None, "its thread has ended"
    finally:
        for each in folder.iterdir():
            each.unlink()
        folder.rmdir()


def test_it_is_counted_where_the_process_keeps_its_memory_private() -> None:
    program = """
import os, sys, tempfile
from isolane.cli.private_memory import keep_memory_private
from isolane.health.outbox.wear import Wear
if os.geteuid() == 0:  # root may read what is private too
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
keep_memory_private()
wear = Wear()
def write():
    with tempfile.TemporaryFile(dir="/var/tmp") as file:
        file.write(bytes(100_000))
        file.flush()
        os.fsync(file.fileno())
wear.counted(write)
assert 100_000 <= wear.written_bytes < 500_000, wear.written_bytes
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_nothing_is_told_before_it_begins() -> None:
    assert Wear().written_bytes is None
