"""This file does `charger.trigger_message`; it guards that it asks for nothing but what the declaration lists."""

from collections.abc import Mapping

from isolane.health.commands.own_calls import OwnCalls
from isolane.health.commands.verb import VerbError
from isolane.wire.verbs.charger_trigger_message import CHARGER_TRIGGER_MESSAGE, ChargerTriggerMessageArguments


class ChargerTriggerMessage:
    """One message that tells how a charger is."""

    declared = CHARGER_TRIGGER_MESSAGE

    def __init__(self, calls: OwnCalls) -> None:
        self._calls = calls

    async def run(self, arguments: ChargerTriggerMessageArguments, person: str) -> Mapping[str, object]:
        """See `Verb.run`."""
        is_v16 = self._calls.is_v16(arguments.charger)
        if arguments.connector is not None and (is_v16 or arguments.evse is None):
            raise VerbError("a connector is named beside its EVSE, with OCPP 2.x only")
        action, payload = "TriggerMessage", dict[str, object](requestedMessage=arguments.message)
        if is_v16:
            if arguments.message == "LogStatusNotification":
                action = "ExtendedTriggerMessage"
            if arguments.evse is not None:
                payload["connectorId"] = arguments.evse
        elif arguments.message == "DiagnosticsStatusNotification":
            raise VerbError("OCPP 2.x has LogStatusNotification instead")
        elif arguments.evse is not None:
            connector = {} if arguments.connector is None else {"connectorId": arguments.connector}
            payload["evse"] = {"id": arguments.evse} | connector
        answer = await self._calls.call(arguments.charger, action, payload, person)
        return {"status": answer.get("status")}
