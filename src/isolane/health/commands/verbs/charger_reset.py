"""This file does `charger.reset`; it guards that a charger restarts only when it finds itself idle.

The interlocks have been asked, and the charger is told to wait for the end of its transactions all the same (`OnIdle`):
between the last question and its restart somebody may plug in. OCPP 1.6 has no such reset, so none is sent there.
"""

import asyncio
from collections.abc import Mapping

from isolane.health.commands.limits import Limits
from isolane.health.commands.own_calls import OwnCalls
from isolane.health.commands.verb import VerbError
from isolane.wire.verbs.charger_reset import CHARGER_RESET, ChargerResetArguments


class ChargerReset:
    """An idle charger, once more."""

    declared = CHARGER_RESET

    def __init__(self, calls: OwnCalls, limits: Limits) -> None:
        self._calls, self._limits = calls, limits

    async def run(self, arguments: ChargerResetArguments, person: str) -> Mapping[str, object]:
        """See `Verb.run`."""
        if self._calls.is_v16(arguments.charger):
            raise VerbError("OCPP 1.6 has no reset that waits until the charger is idle; nothing was sent")
        await asyncio.to_thread(self._limits.take)
        payload: dict[str, object] = {"type": "OnIdle"}
        if arguments.evse is not None:
            payload["evseId"] = arguments.evse
        answer = await self._calls.call(arguments.charger, "Reset", payload, person)
        status = answer.get("status")
        if status not in {"Accepted", "Scheduled"}:
            raise VerbError(f"the charger says {status!r:.40}")
        return {"status": status}
