"""This file does `registers.read`; it guards that no source is asked for what its device maps do not name."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from isolane.core.clock import NS_PER_MS, Clock
from isolane.core.samples import Reading
from isolane.core.signals import Signal
from isolane.health.commands.verb import VerbError
from isolane.wire.verbs.registers_read import REGISTERS_READ, RegistersReadArguments

ReadNow = Callable[[Collection[tuple[str, str]]], Awaitable[Sequence[Reading]]]
"""Reads signals of a source now, by (charger, key); a failure is in the readings."""


class RegistersRead:
    """What devices say now.

    Args:
        sources: By name, of those that can be asked: what they have, and how to ask.
        clock: For the age of readings.
    """

    declared = REGISTERS_READ

    def __init__(self, sources: Mapping[str, tuple[Sequence[Signal], ReadNow]], clock: Clock) -> None:
        self._sources, self._clock = sources, clock

    async def run(self, arguments: RegistersReadArguments, person: str) -> Mapping[str, object]:
        """See `Verb.run`."""
        del person
        if arguments.source not in self._sources:
            raise VerbError(f"{arguments.source} is no source whose registers can be read")
        signals, read_now = self._sources[arguments.source]
        units = {(each.charger, each.key): each.unit for each in signals}
        wanted = {(arguments.charger or "", key) for key in arguments.signals}
        missing = sorted(key for charger, key in wanted - units.keys())
        if missing:
            raise VerbError(f"no device map of {arguments.source} has {', '.join(missing)}"[:400])
        readings = await read_now(wanted)
        now_ns = self._clock.mono_ns()
        return {
            "readings": [
                {
                    "signal": each.signal,
                    "value": each.value,
                    "unit": units[each.charger, each.signal],
                    "quality": each.quality.name,
                    "reason": each.reason.name,
                    "age_ms": max(0, now_ns - each.source_mono_ns) // NS_PER_MS,
                }
                for each in readings
            ]
        }
