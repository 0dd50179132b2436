"""This file keeps the parts of Channel B alive.

It guards that a part that breaks takes none of its neighbours along.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

_LOG = logging.getLogger(__name__)
_PAUSE_S = 1.0
_PAUSE_S_MAX = 60.0
_STEADY_S = 60.0
"""A part that ran for so long before it broke begins again with the smallest pause."""


@dataclass(slots=True)
class Restarts:
    """How often each part was started again."""

    by_part: dict[str, int] = field(default_factory=dict)


async def supervise(name: str, run: Callable[[], Awaitable[None]], restarts: Restarts) -> None:
    """Run a part for ever; if it raises or returns, log it and start it again after a pause that doubles.

    Args:
        name: Stands in logs and metrics.
        run: Starts the part; cancelled to stop.
        restarts: Where restarts are counted.
    """
    loop = asyncio.get_running_loop()
    restarts.by_part.setdefault(name, 0)
    pause_s = _PAUSE_S
    while True:
        since = loop.time()
        try:
            await run()
            _LOG.error("part-ended part=%s", name)
        except Exception:  # noqa: BLE001 - the supervisor: whatever a part raises, its neighbours go on
            _LOG.exception("part-broke part=%s", name)
        restarts.by_part[name] += 1
        if loop.time() - since > _STEADY_S:
            pause_s = _PAUSE_S
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, _PAUSE_S_MAX)
