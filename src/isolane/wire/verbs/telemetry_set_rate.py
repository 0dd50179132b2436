"""This file declares the verb `telemetry.set_rate`; it guards that a rate always ends by itself."""

from typing import Annotated, Final, Literal

import msgspec

from isolane.wire.verbs.declaration import Arguments, Declaration

_WORDS: Final = {
    "full": "send every sample, whatever the budget says",
    "rapid": "read what can be read in bursts faster, and send that too",
    "usual": "end what was set before",
}


class TelemetrySetRateArguments(Arguments, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which rate, and for how long."""

    rate: Annotated[
        Literal["full", "rapid", "usual"],
        msgspec.Meta(description="full: nothing is thinned; rapid: a burst, 600 s at most; usual: no longer full"),
    ]
    for_s: Annotated[int, msgspec.Meta(ge=10, le=3600, description="For how long, s, 10 to 3600")] = 600


def _told(arguments: TelemetrySetRateArguments) -> str:
    ends = "" if arguments.rate == "usual" else f", for {arguments.for_s} s"
    return f"{_WORDS[arguments.rate]}{ends}"


TELEMETRY_SET_RATE: Final = Declaration(
    name="telemetry.set_rate",
    kind="R1",
    need=1,
    arguments=TelemetrySetRateArguments,
    timeout_s=10.0,
    words="change for a while how much telemetry is sent. It ends by itself, and with the process.",
    told=_told,
    result="`rate`; `for_s`, for how long it holds from now on",
)
