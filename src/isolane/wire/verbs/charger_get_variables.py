"""This file declares the verb `charger.get_variables`; it guards that it only reads, and no secret."""

from typing import Annotated, Final

import msgspec

from isolane.wire.verbs.declaration import Arguments, Charger, Declaration

_Word = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,49}\Z")]
_Number = Annotated[int, msgspec.Meta(ge=1, le=99)]


class Variable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A variable of the device model."""

    component: Annotated[_Word, msgspec.Meta(description="OCPP's component")]
    variable: Annotated[_Word, msgspec.Meta(description="OCPP's variable")]
    instance: Annotated[_Word | None, msgspec.Meta(description="Instance of the component")] = None
    evse: Annotated[_Number | None, msgspec.Meta(description="Of this EVSE")] = None
    connector: Annotated[_Number | None, msgspec.Meta(description="Of this connector of the EVSE")] = None


class ChargerGetVariablesArguments(Arguments, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which variables of which charger."""

    charger: Charger
    variables: Annotated[tuple[Variable, ...], msgspec.Meta(min_length=1, max_length=50, description="Which, 1 to 50")]


def _told(arguments: ChargerGetVariablesArguments) -> str:
    names = ", ".join(f"{each.component}/{each.variable}" for each in arguments.variables)
    return f"{names} of charger {arguments.charger}"


CHARGER_GET_VARIABLES: Final = Declaration(
    name="charger.get_variables",
    kind="R0",
    need=1,
    arguments=ChargerGetVariablesArguments,
    timeout_s=60.0,
    words="read variables of a charger with OCPP 2.0.1 or 2.1, without secrets. It changes nothing.",
    told=_told,
    result="`answer`, the charger's own, without values of what is named like a secret",
)
