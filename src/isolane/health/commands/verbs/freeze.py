"""This file does `freeze.set` and `freeze.clear`; it guards that the freeze is on disk and outlasts restarts."""

from collections.abc import Mapping

from isolane.health.commands.seen import Seen, StoreError
from isolane.health.commands.verb import VerbError
from isolane.wire.verbs.declaration import Arguments
from isolane.wire.verbs.freeze_clear import FREEZE_CLEAR
from isolane.wire.verbs.freeze_set import FREEZE_SET


class FreezeSet:
    """Stop everything but reading."""

    declared = FREEZE_SET

    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    async def run(self, arguments: Arguments, person: str) -> Mapping[str, object]:
        """See `Verb.run`."""
        del arguments
        _write(self._seen, person)
        return {"frozen": True}


class FreezeClear:
    """Begin again."""

    declared = FREEZE_CLEAR

    def __init__(self, seen: Seen) -> None:
        self._seen = seen

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
