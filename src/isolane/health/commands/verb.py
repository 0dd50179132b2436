"""This file states the port of what verbs do; it guards that an effect is told only what its declaration lets through.

Order of calls: `run` at most once for a command, never two at a time of one verb, cancelled after the declared time. A
verb raises `VerbError` for what the world does to it. Class, people, arguments and interlocks are the declaration's
(`wire.verbs`); the gate has checked all of them before `run` sees the arguments.
"""

from collections.abc import Mapping
from typing import Protocol, TypeVar, runtime_checkable

from isolane.wire.verbs.declaration import Arguments, Declaration

_Taken_contra = TypeVar("_Taken_contra", bound=Arguments, contravariant=True)


class VerbError(Exception):
    """It could not be done, and why: a sentence for the receipt."""


class Verb(Protocol[_Taken_contra]):
    """Something that a gateway can be told to do."""

    @property
    def declared(self) -> Declaration:
        """What it says of itself; its `arguments` are what `run` takes."""
        ...

    async def run(self, arguments: _Taken_contra, person: str) -> Mapping[str, object]:
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


@runtime_checkable
class Lasting(Protocol):
    """A verb whose effect comes only when its receipt is stored: one that ends the very process that would tell."""

    def afterwards(self) -> None:
        """Have it come now; called once after a command that is done, never waits, never raises."""
        ...
