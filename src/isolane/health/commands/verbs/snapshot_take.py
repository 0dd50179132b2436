"""This file does `snapshot.take`; it guards that the answer names the snapshot, or says that there is none."""

from collections.abc import Awaitable, Callable, Mapping

from isolane.wire.verbs.snapshot_take import SNAPSHOT_TAKE, SnapshotTakeArguments

Take = Callable[[str], Awaitable[str | None]]
"""Has a charger's snapshot taken, or with "" one of everything, and gives its id; None where there may be none."""


class SnapshotTake:
    """A look at now."""

    declared = SNAPSHOT_TAKE

    def __init__(self, take: Take) -> None:
        self._take = take

    async def run(self, arguments: SnapshotTakeArguments, person: str) -> Mapping[str, object]:
        """See `Verb.run`."""
        del person
        return {"snapshot": await self._take(arguments.charger or "")}
