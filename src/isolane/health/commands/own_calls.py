"""This file asks chargers through the relay's own-call port; it guards that nothing is taken for an answer but one.

A request that the relay has refused was sent nowhere and is asked again for a while, since a charger takes one call at
a time. One that failed after it was sent is never asked again.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from isolane.core import strict_json
from isolane.health.commands.verb import VerbError
from isolane.wire import own_call
from isolane.wire.own_call import Refusal
from isolane.wire.own_call_client import ask

Ask = Callable[[own_call.Request], Awaitable[own_call.Answer]]
"""Has a relay make a call; raises VerbError where there is no relay that does."""
_DEADLINE_MS: Final = 30_000
_PATIENCE_S: Final = 10.0
_AGAIN_S: Final = 0.25
_PASSING: Final = frozenset({Refusal.CSMS_CALL_OUTSTANDING, Refusal.OWN_CALL_OUTSTANDING, Refusal.BUSY})


class Relays:
    """The relay's workers.

    Args:
        folder: Where their sockets are; see `Site.own_calls_socket`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def ask(self, request: own_call.Request) -> own_call.Answer:
        """Ask each worker until one has the charger.

        Raises:
            VerbError: There is none, or it went away.
        """
        answer: own_call.Answer | None = None
        for socket in sorted(self._folder.glob("own-calls*.sock")):
            try:
                answer = await ask(socket, request)
            except (OSError, ValueError) as error:
                raise VerbError(f"the relay does not answer, and may have asked the charger: {error}"[:300]) from error
            if answer != own_call.Refused(own_call.VERSION, Refusal.NOT_CONNECTED):
                break
        if answer is None:
            raise VerbError("the relay takes no own calls; see [value.own_calls]")
        return answer


class OwnCalls:
    """Questions to chargers.

    Args:
        relay: Makes the calls.
        ocpp: Tells the subprotocol that a charger speaks, "" where nobody knows.
    """

    def __init__(self, relay: Ask, ocpp: Callable[[str], str]) -> None:
        self._relay, self._ocpp = relay, ocpp

    def is_v16(self, charger: str) -> bool:
        """Tell whether a charger speaks OCPP 1.6, not 2.x.

        Raises:
            VerbError: It is not connected, or speaks something else.
        """
        spoken = self._ocpp(charger)
        if spoken not in {"ocpp1.6", "ocpp2.0.1", "ocpp2.1"}:
            raise VerbError(f"{charger} is not known to be connected, or speaks no OCPP that can be asked")
        return spoken == "ocpp1.6"

    async def call(self, charger: str, action: str, payload: Mapping[str, object], person: str) -> dict[str, object]:
        """Call a charger.

        Args:
            charger: Which.
            action: OCPP's action.
            payload: Of the call.
            person: Who asked, for the relay's audit.

        Returns:
            The charger's own answer, without secrets.

        Raises:
            VerbError: There is none.
        """
        request = own_call.Request(
            version=own_call.VERSION,
            charger=charger,
            action=action,
            payload=msgspec.Raw(json.dumps(payload).encode()),
            deadline_ms=_DEADLINE_MS,
            reference=f"command:{person}"[:64],
        )
        end_s = asyncio.get_running_loop().time() + _PATIENCE_S
        while True:
            answer = await self._relay(request)
            is_passing = isinstance(answer, own_call.Refused) and answer.reason in _PASSING
            if not is_passing or asyncio.get_running_loop().time() >= end_s:
                return _told(answer)
            await asyncio.sleep(_AGAIN_S)


def _told(answer: own_call.Answer) -> dict[str, object]:
    match answer:
        case own_call.Result():
            try:
                told = strict_json.read(bytes(answer.payload), strict_json.INTEGER_MAX)
            except ValueError as error:
                raise VerbError(f"the charger's answer is no plain JSON: {error}"[:300]) from error
            if isinstance(told, dict):
                return told
            raise VerbError("the charger's answer is no object")
        case own_call.Error():
            raise VerbError(f"the charger says {answer.code!r:.80}: {answer.description!r:.200}")
        case own_call.Refused():
            raise VerbError(f"the relay has not asked: {answer.reason}")
        case own_call.Failed():
            raise VerbError(f"the charger was asked, and nobody knows whether it did it: {answer.reason}")
