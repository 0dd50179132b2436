"""This file is the verb `status`; it guards that it only reads."""

from collections.abc import Callable, Mapping, Sequence

from isolane.health.commands.verb import Arguments
from isolane.wire.command import CommandClass

Facts = Callable[[], Mapping[str, object]]
"""Hands over what the gateway knows of itself, as JSON; never blocks."""


class Status:
    """How the gateway is."""

    name = "status"
    kind: CommandClass = "R0"
    need = 1
    arguments: type[Arguments] = Arguments
    timeout_s = 5.0
    words = "read how the gateway is: release, uptime, sources, links, outbox. It changes nothing."

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def interlocks(self, arguments: Arguments) -> Sequence[str]:
        """See `Verb.interlocks`: none."""
        del arguments
        return ()

    async def run(self, arguments: Arguments, person: str) -> Mapping[str, object]:
        """See `Verb.run`."""
        del arguments, person
        return dict(self._facts())
