"""This file keeps tasks running; it guards that a bug in one is logged, slowed down, and stops none of the others."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

_log = logging.getLogger(__name__)

_PAUSE_S_MAX = 30.0


async def supervised(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Run something that never ends, again when it fails, after a pause that doubles from 1 s to 30 s."""
    pause_s = 1.0
    while True:
        try:
            await run()
        except Exception:  # noqa: BLE001 - this is the supervisor
            _log.exception("task-failed task=%s again_s=%.0f", name, pause_s)
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, _PAUSE_S_MAX)
