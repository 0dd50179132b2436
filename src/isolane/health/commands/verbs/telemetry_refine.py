"""This file does `telemetry.refine`; it guards that history never goes before what is live."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from isolane.health.commands.verb import VerbError
from isolane.wire.verbs.telemetry_refine import TELEMETRY_REFINE, TelemetryRefineArguments


@dataclass(frozen=True, slots=True)
class Refined:
    """What was put behind all others in the outbox, and whether there was more than it may be at once."""

    blocks: int
    samples: int
    left: bool


Refine = Callable[[int, int], Awaitable[Refined]]
"""Puts what was sent thinned of a time, UTC ms, into the outbox at full rate.

Raises OSError where what is kept cannot be read."""


class TelemetryRefine:
    """The past at full rate."""

    declared = TELEMETRY_REFINE

    def __init__(self, refine: Refine) -> None:
        self._refine = refine

    async def run(self, arguments: TelemetryRefineArguments, person: str) -> Mapping[str, object]:
        """See `Verb.run`."""
        del person
        try:
            refined = await self._refine(arguments.from_ms, arguments.to_ms)
        except OSError as error:
            raise VerbError(f"what is kept at full rate cannot be read: {error.strerror}") from error
        return {"blocks": refined.blocks, "samples": refined.samples, "left": refined.left}
