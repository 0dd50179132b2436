"""This file keeps the parts of a process alive.

It guards that a part that breaks takes none of its neighbours along, and that each time is logged and counted.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

_log = logging.getLogger(__name__)
_STEADY_S = 60.0
"""A part that ran for so long before it broke begins again with the smallest pause."""


@dataclass(slots=True)
class Restarts:
    """How often each part was started again."""

    by_part: dict[str, int] = field(default_factory=dict)


async def supervise(
    name: str,
    run: Callable[[], Awaitable[None]],
    restarts: Restarts,
    *,
    pause_s: float = 1.0,
    pause_s_max: float = 60.0,
) -> None:
    """Run a part for ever; if it raises or returns, log it and start it again after a pause that doubles.

    Args:
        name: Stands in logs and metrics.
        run: Starts the part; cancelled to stop.
        restarts: Where restarts are counted.
        pause_s: Before the first new start, s.
        pause_s_max: Before any, s.
    """
    loop = asyncio.get_running_loop()
    restarts.by_part.setdefault(name, 0)
    next_pause_s = pause_s
    while True:
        since = loop.time()
        try:
            await run()
            _log.error("part-ended part=%s", name)
        except Exception:  # noqa: BLE001 - the supervisor: whatever a part raises, its neighbours go on
            _log.exception("part-broke part=%s", name)
        restarts.by_part[name] += 1
        if loop.time() - since > _STEADY_S:
            next_pause_s = pause_s
        await asyncio.sleep(next_pause_s)
        next_pause_s = min(2 * next_pause_s, pause_s_max)
