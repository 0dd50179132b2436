"""This file does `source.restart`; it guards that only what the settings name is begun anew."""

from collections.abc import Callable, Mapping

from isolane.health.commands.verb import VerbError
from isolane.wire.verbs.source_restart import SOURCE_RESTART, SourceRestartArguments

Restart = Callable[[], int]
"""Begins a source anew, and tells how often that was since the process started; never waits."""


class SourceRestart:
    """A source, once more.

    Args:
        sources: By name.
    """

    declared = SOURCE_RESTART

    def __init__(self, sources: Mapping[str, Restart]) -> None:
        self._sources = sources

    async def run(self, arguments: SourceRestartArguments, person: str) -> Mapping[str, object]:
        """See `Verb.run`."""
        del person
        restart = self._sources.get(arguments.source)
        if restart is None:
            raise VerbError(f"there is no source {arguments.source}")
        return {"restarts": restart()}
