"""This file states the port that each verb implements; it guards that what a verb may do is said beside what it does.

Order of calls: `interlocks` when a command comes, and once more right before `run`; `run` at most once for a command,
never two at a time of one verb, cancelled after `timeout_s`. A verb raises `VerbError` for what the world does to it;
its arguments have been checked against `arguments` before any method sees them.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import msgspec

from isolane.wire.command import CommandClass

NEED: Final[dict[CommandClass, int]] = {"R0": 1, "R1": 1, "R2": 2, "R3": 2, "R4": 1}
"""How many people sign at least; a verb may need more."""


class VerbError(Exception):
    """It could not be done, and why: a sentence for the receipt."""


class Arguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Arguments of a verb that takes none; others derive from it."""


class Verb(Protocol):
    """Something that a gateway can be told to do."""

    name: str
    """As in the command."""
    kind: CommandClass
    need: int
    """People who sign; at least `NEED` of its class."""
    arguments: type[Arguments]
    timeout_s: float
    words: str
    """What it does, for whoever is about to sign."""

    def interlocks(self, arguments: Arguments) -> Sequence[str]:
        """Name what has to hold; the command's `pre` names exactly these."""
        ...

    async def run(self, arguments: Arguments, person: str) -> Mapping[str, object]:
        """Do it.

        Args:
            arguments: As checked.
            person: Who asked.

        Returns:
            What goes into the receipt: JSON.

        Raises:
            VerbError: It could not be done.
        """
        ...
