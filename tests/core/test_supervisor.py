"""This file tests the supervisor; it guards that a part that breaks is started again, slower each time."""

import asyncio
import contextlib

from isolane.core.supervisor import Restarts, supervise
from support.outboxes import until


async def test_a_part_that_breaks_or_ends_is_started_again() -> None:
    starts: list[float] = []

    async def part() -> None:
        starts.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0)
        if len(starts) % 2:
            raise RuntimeError("broke")

    restarts = Restarts()
    task = asyncio.create_task(supervise("part", part, restarts, pause_s=0.01, pause_s_max=0.04))
    await until(lambda: len(starts) == 6)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert restarts.by_part["part"] >= 5
    assert starts[3] - starts[2] >= 0.035
