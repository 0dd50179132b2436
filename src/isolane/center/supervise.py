"""This file keeps tasks running; it guards that a bug in one is logged, slowed down, and stops none of the others."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

_log = logging.getLogger(__name__)

_PAUSE_S = 1.0
_PAUSE_S_MAX = 30.0
_STEADY_S = 60.0
"""What has run for so long is well again: its next failure begins with the shortest pause."""


async def supervised(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Run something that never ends, again when it fails, after a pause that doubles from 1 s to 30 s."""
    loop = asyncio.get_running_loop()
    pause_s = _PAUSE_S
    while True:
        since_s = loop.time()
        try:
            await run()
            _log.error("task-ended task=%s", name)
        except Exception:  # noqa: BLE001 - this is the supervisor
            _log.exception("task-failed task=%s again_s=%.0f", name, pause_s)
        if loop.time() - since_s > _STEADY_S:
            pause_s = _PAUSE_S
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, _PAUSE_S_MAX)
