"""This file does `charger.get_configuration`; it guards that it only reads."""

from collections.abc import Mapping

from isolane.health.commands.own_calls import OwnCalls
from isolane.health.commands.verb import VerbError
from isolane.wire.verbs.charger_get_configuration import CHARGER_GET_CONFIGURATION, ChargerGetConfigurationArguments


class ChargerGetConfiguration:
    """Configuration of a charger with OCPP 1.6."""

    declared = CHARGER_GET_CONFIGURATION

    def __init__(self, calls: OwnCalls) -> None:
        self._calls = calls

    async def run(self, arguments: ChargerGetConfigurationArguments, person: str) -> Mapping[str, object]:
        """See `Verb.run`."""
        if not self._calls.is_v16(arguments.charger):
            raise VerbError("OCPP 2.x has variables instead: charger.get_variables")
        payload: dict[str, object] = {"key": list(arguments.keys)} if arguments.keys else {}
        return {"answer": await self._calls.call(arguments.charger, "GetConfiguration", payload, person)}
