"""This file holds the verbs `freeze.set` and `freeze.clear`; it guards that one can stop all, and two begin again.

While the gateway is frozen it does nothing but read, and clear. The freeze is on disk and outlasts restarts.
"""

from collections.abc import Mapping, Sequence

from isolane.health.commands.seen import Seen, StoreError
from isolane.health.commands.verb import Arguments, VerbError
from isolane.wire.command import CommandClass


class FreezeSet:
    """Stop everything but reading."""

    name = "freeze.set"
    kind: CommandClass = "R4"
    need = 1
    arguments: type[Arguments] = Arguments
    timeout_s = 10.0
    words = "freeze the gateway: it refuses every command but reading until two people clear it. Charging goes on."

    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    def interlocks(self, arguments: Arguments) -> Sequence[str]:
        """See `Verb.interlocks`: none."""
        del arguments
        return ()

    async def run(self, arguments: Arguments, person: str) -> Mapping[str, object]:
        """See `Verb.run`."""
        del arguments
        _write(self._seen, person)
        return {"frozen": True}


class FreezeClear:
    """Begin again."""

    name = "freeze.clear"
    kind: CommandClass = "R4"
    need = 2
    arguments: type[Arguments] = Arguments
    timeout_s = 10.0
    words = "end the freeze: the gateway takes commands again."

    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    def interlocks(self, arguments: Arguments) -> Sequence[str]:
        """See `Verb.interlocks`: none."""
        del arguments
        return ()

    async def run(self, arguments: Arguments, person: str) -> Mapping[str, object]:
        """See `Verb.run`."""
        del arguments, person
        _write(self._seen, None)
        return {"frozen": False}


def _write(seen: Seen, person: str | None) -> None:
    try:
        seen.freeze(person)
    except StoreError as error:
        raise VerbError(f"the disk does not take it: {error}") from error
