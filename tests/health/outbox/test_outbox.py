"""This file tests the outbox from the event loop; it guards that a slow disk stops neither ticks nor links."""

import asyncio
import time
from pathlib import Path

import pytest

from isolane.core.clock import SystemClock
from isolane.core.failures import IsolaneError
from isolane.health.outbox.outbox import Outbox
from support.outboxes import SCHEMA, TAG, draft, is_balanced, settings


async def test_the_loop_runs_on_while_the_disk_is_busy(tmp_path: Path) -> None:
    outbox = Outbox(settings(tmp_path / "o.db"), TAG, SystemClock(), SCHEMA)
    await outbox.open()
    hung = asyncio.create_task(outbox._call(time.sleep, 0.5))
    put = asyncio.create_task(outbox.put(draft(1)))
    turns = 0
    while not hung.done():
        await asyncio.sleep(0.005)
        turns += 1
    await put
    assert turns >= 5, "the loop stood still with the disk"
    assert outbox.tally.queued == 10
    await outbox.close()


async def test_a_cancelled_put_is_still_whole(tmp_path: Path) -> None:
    outbox = Outbox(settings(tmp_path / "o.db"), TAG, SystemClock(), SCHEMA)
    await outbox.open()
    for number in range(20):
        put = asyncio.create_task(outbox.put(draft(number)))
        await asyncio.sleep(0)
        put.cancel()
        with pytest.raises(asyncio.CancelledError):
            await put
    assert len(await outbox.entries()) == 1
    assert outbox.tally.produced == 200
    assert is_balanced(outbox.tally)
    await outbox.close()


async def test_a_file_that_cannot_be_opened_leaves_no_thread(tmp_path: Path) -> None:
    outbox = Outbox(settings(tmp_path / "none" / "o.db"), TAG, SystemClock(), SCHEMA)
    with pytest.raises(IsolaneError):
        await outbox.open()
