"""This file does `status`; it guards that it only reads."""

from collections.abc import Callable, Mapping

from isolane.wire.verbs.declaration import Arguments
from isolane.wire.verbs.status import STATUS

Facts = Callable[[], Mapping[str, object]]
"""Hands over what the gateway knows of itself, as JSON; never blocks."""


class Status:
    """How the gateway is."""

    declared = STATUS

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    async def run(self, arguments: Arguments, person: str) -> Mapping[str, object]:
        """See `Verb.run`."""
        del arguments, person
        return dict(self._facts())
