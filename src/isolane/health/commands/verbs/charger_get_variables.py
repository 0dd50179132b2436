"""This file does `charger.get_variables`; it guards that it only reads."""

from collections.abc import Mapping

from isolane.health.commands.own_calls import OwnCalls
from isolane.health.commands.verb import VerbError
from isolane.wire.verbs.charger_get_variables import CHARGER_GET_VARIABLES, ChargerGetVariablesArguments, Variable


class ChargerGetVariables:
    """Variables of a charger with OCPP 2.x."""

    declared = CHARGER_GET_VARIABLES

    def __init__(self, calls: OwnCalls) -> None:
        self._calls = calls

    async def run(self, arguments: ChargerGetVariablesArguments, person: str) -> Mapping[str, object]:
        """See `Verb.run`."""
        if self._calls.is_v16(arguments.charger):
            raise VerbError("OCPP 1.6 has a configuration instead: charger.get_configuration")
        payload = {"getVariableData": [_asked(each) for each in arguments.variables]}
        return {"answer": await self._calls.call(arguments.charger, "GetVariables", payload, person)}


def _asked(wanted: Variable) -> dict[str, object]:
    component: dict[str, object] = {"name": wanted.component}
    if wanted.instance is not None:
        component["instance"] = wanted.instance
    if wanted.evse is not None:
        connector = {} if wanted.connector is None else {"connectorId": wanted.connector}
        component["evse"] = {"id": wanted.evse} | connector
    return {"component": component, "variable": {"name": wanted.variable}}
