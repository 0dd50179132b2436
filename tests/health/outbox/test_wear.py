"""This file tests the count of what is written; it guards that it is the outbox's own and grows with what it keeps."""

import os
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


def test_nothing_is_told_before_it_begins() -> None:
    assert Wear().written_bytes is None
