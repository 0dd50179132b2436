"""This file does `snapshot.fetch`; it guards that what is not there, or goes on, is said to be so."""

from collections.abc import Awaitable, Callable, Mapping

from isolane.health.commands.verb import VerbError
from isolane.wire.verbs.snapshot_fetch import SNAPSHOT_FETCH, SnapshotFetchArguments

Fetch = Callable[[str], Awaitable[Mapping[str, object] | None]]
"""Has a snapshot brought to the center again and tells what it is; None where there is none, or it has no end yet."""


class SnapshotFetch:
    """A snapshot, once more."""

    declared = SNAPSHOT_FETCH

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    async def run(self, arguments: SnapshotFetchArguments, person: str) -> Mapping[str, object]:
        """See `Verb.run`."""
        del person
        found = await self._fetch(arguments.snapshot)
        if found is None:
            raise VerbError("the gateway has no such snapshot, or it is still being written")
        return found
