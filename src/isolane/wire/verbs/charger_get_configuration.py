"""This file declares the verb `charger.get_configuration`; it guards that it only reads, and no secret."""

from typing import Annotated, Final

import msgspec

from isolane.wire.verbs.declaration import Arguments, Charger, Declaration

_Key = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,49}\Z")]


class ChargerGetConfigurationArguments(Arguments, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which keys of which charger."""

    charger: Charger
    keys: Annotated[tuple[_Key, ...], msgspec.Meta(max_length=50, description="Which keys; none: all it has")] = ()


def _told(arguments: ChargerGetConfigurationArguments) -> str:
    return f"{', '.join(arguments.keys) or 'all keys'} of charger {arguments.charger}"


CHARGER_GET_CONFIGURATION: Final = Declaration(
    name="charger.get_configuration",
    kind="R0",
    need=1,
    arguments=ChargerGetConfigurationArguments,
    timeout_s=60.0,
    words="read the configuration of a charger with OCPP 1.6, without secrets. It changes nothing.",
    told=_told,
    result="`answer`, the charger's own, without values of what is named like a secret",
)
