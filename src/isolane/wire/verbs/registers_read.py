"""This file declares the verb `registers.read`; it guards that only what a device map names is read."""

from typing import Annotated, Final

import msgspec

from isolane.wire.verbs.declaration import Arguments, Charger, Declaration, Part, SignalKey


class RegistersReadArguments(Arguments, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which signals of which source."""

    source: Annotated[Part, msgspec.Meta(description="Name of a Modbus source of the gateway's settings")]
    charger: Annotated[
        Charger | None, msgspec.Meta(description="Whose signals; absent: the gateway's own, those of no charger")
    ] = None
    signals: Annotated[
        tuple[SignalKey, ...],
        msgspec.Meta(min_length=1, max_length=32, description="Keys that the source's device maps have, 1 to 32"),
    ]


def _told(arguments: RegistersReadArguments) -> str:
    return f"{', '.join(arguments.signals)} of source {arguments.source}"


REGISTERS_READ: Final = Declaration(
    name="registers.read",
    kind="R0",
    need=1,
    arguments=RegistersReadArguments,
    timeout_s=30.0,
    words="read signals of a device now, by the registers that its device map gives them. It changes nothing.",
    told=_told,
    result="`readings`, each with `signal`, `value` (null where there is none), `unit`, `quality`, `reason`, `age_ms`",
)
