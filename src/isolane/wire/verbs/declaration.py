"""This file says what a verb declares; it guards that gateway, center and signers judge by the same words.

A declaration is pure: it holds no state and reaches nothing. Whoever adds a verb writes one file beside this one, a
line in `catalogue` and, on the gateway, the effect of the same name in `health/commands/verbs`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec

from isolane.wire.command import CommandClass

NEED: Final[dict[CommandClass, int]] = {"R0": 1, "R1": 1, "R2": 2, "R3": 2, "R4": 1}
"""How many people sign at least; a verb may need more."""

Charger = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9*_=+@.-]{0,47}\Z",
        description="Identity of the charger: 1 to 48 of A-Z a-z 0-9 * _ = + @ . - and begins with a letter or digit",
    ),
]
Part = Annotated[
    str,
    msgspec.Meta(pattern=r"^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?\Z", description="Name that the site's settings give"),
]

SignalKey = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[0-9]{1,3}\.[0-9]{1,3}(/[A-Za-z][A-Za-z0-9]{0,63}(\[[A-Za-z0-9_.-]{1,64}\])?){2}\Z",
        description="Key of a signal, as docs/reference/signals.md has it",
    ),
]
TimeMs = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_000, description="UTC, ms since 1970")]


class Arguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of a verb that takes none; others derive from it."""


def nothing(arguments: Arguments) -> Sequence[str]:
    """Name no interlock."""
    del arguments
    return ()


def whatever(arguments: Arguments) -> str:
    """Say nothing beyond the verb's own words."""
    del arguments
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What a verb says of itself.

    Attributes:
        name: As in the command.
        kind: Its class.
        need: People who sign; at least `NEED` of its class.
        arguments: What it takes; each field says in its description what it is.
        timeout_s: After so long it is cancelled, s.
        words: What it does, for whoever is about to sign.
        told: What it does with these arguments, "" where `words` say it all.
        interlocks: Names what has to hold (`interlock`); the command's `pre` names exactly these, in this order.
        result: What the receipt holds afterwards.
    """

    name: str
    kind: CommandClass
    need: int
    arguments: type[Arguments] = Arguments
    timeout_s: float
    words: str
    told: Callable[[Any], str] = whatever
    interlocks: Callable[[Any], Sequence[str]] = nothing
    result: str

    def __post_init__(self) -> None:
        """Refuse what would weaken a class.

        Raises:
            ValueError: It needs fewer people than its class.
        """
        if self.need < NEED[self.kind]:
            raise ValueError(f"{self.name} of class {self.kind} needs {NEED[self.kind]} people")

    def read(self, args: Mapping[str, object]) -> Arguments:
        """Read the arguments of a command.

        Raises:
            ValueError: They are not exactly what this verb takes.
        """
        return msgspec.convert(args, self.arguments, strict=True)

    def pre(self, args: Mapping[str, object]) -> tuple[str, ...]:
        """Give the interlocks that a command with these arguments has to name.

        Raises:
            ValueError: See `read`.
        """
        return tuple(self.interlocks(self.read(args)))
