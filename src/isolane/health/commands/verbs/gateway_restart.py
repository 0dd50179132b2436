"""This file does `gateway.restart`; it guards that the process ends in order, and only after its receipt is stored."""

import asyncio
from collections.abc import Callable, Mapping

from isolane.health.commands.limits import Limits
from isolane.wire.verbs.declaration import Arguments
from isolane.wire.verbs.gateway_restart import GATEWAY_RESTART


class GatewayRestart:
    """The health process, once more.

    Args:
        limits: Of the site.
        end: Has the process end in order; its unit starts it again.
    """

    declared = GATEWAY_RESTART

    def __init__(self, limits: Limits, end: Callable[[], None]) -> None:
        self._limits, self._end = limits, end

    async def run(self, arguments: Arguments, person: str) -> Mapping[str, object]:
        """See `Verb.run`."""
        del arguments, person
        await asyncio.to_thread(self._limits.take)
        return {"ending": True}

    def afterwards(self) -> None:
        """See `verb.Lasting`."""
        self._end()
