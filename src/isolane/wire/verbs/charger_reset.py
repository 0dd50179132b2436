"""This file declares the verb `charger.reset`; it guards that it names every interlock of a disruption."""

from typing import Annotated, Final

import msgspec

from isolane.wire.verbs.declaration import Arguments, Charger, Declaration
from isolane.wire.verbs.interlock import disruptive


class ChargerResetArguments(Arguments, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which charger, or which EVSE of it."""

    charger: Charger
    evse: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=99)] | None,
        msgspec.Meta(description="Only this EVSE; absent: the whole charger"),
    ] = None


def _told(arguments: ChargerResetArguments) -> str:
    what = f"EVSE {arguments.evse} of {arguments.charger}" if arguments.evse else f"charger {arguments.charger}"
    return f"{what} restarts as soon as it has no transaction; it says itself when that is"


def _interlocks(arguments: ChargerResetArguments) -> tuple[str, ...]:
    return disruptive(arguments.charger)


CHARGER_RESET: Final = Declaration(
    name="charger.reset",
    kind="R2",
    need=2,
    arguments=ChargerResetArguments,
    timeout_s=60.0,
    words="restart an idle charger (Reset, type OnIdle; OCPP 2.0.1 and 2.1 only).",
    told=_told,
    interlocks=_interlocks,
    result="`status`, the charger's own word: Accepted or Scheduled",
)
