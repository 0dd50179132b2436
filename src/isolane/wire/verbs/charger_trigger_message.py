"""This file declares the verb `charger.trigger_message`; it guards that only messages that tell can be asked for."""

from typing import Annotated, Final, Literal

import msgspec

from isolane.wire.verbs.declaration import Arguments, Charger, Declaration


class ChargerTriggerMessageArguments(Arguments, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which message of which charger."""

    charger: Charger
    message: Annotated[
        Literal[
            "DiagnosticsStatusNotification",
            "FirmwareStatusNotification",
            "Heartbeat",
            "LogStatusNotification",
            "MeterValues",
            "StatusNotification",
        ],
        msgspec.Meta(description="The message that it shall send to its CSMS"),
    ]
    evse: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=99)] | None,
        msgspec.Meta(description="Of this EVSE, with OCPP 1.6 of this connector; absent: of all"),
    ] = None
    connector: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=99)] | None,
        msgspec.Meta(description="Of this connector of the EVSE; not with OCPP 1.6"),
    ] = None


def _told(arguments: ChargerTriggerMessageArguments) -> str:
    where = f" of EVSE {arguments.evse}" if arguments.evse else ""
    return f"charger {arguments.charger} sends a {arguments.message}{where} to its CSMS"


CHARGER_TRIGGER_MESSAGE: Final = Declaration(
    name="charger.trigger_message",
    kind="R0",
    need=1,
    arguments=ChargerTriggerMessageArguments,
    timeout_s=60.0,
    words="have a charger send one message that tells how it is. It changes nothing.",
    told=_told,
    result="`status`, the charger's own word",
)
