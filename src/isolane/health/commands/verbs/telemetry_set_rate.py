"""This file does `telemetry.set_rate`; it guards that each rate has an end before it begins."""

from collections.abc import Mapping
from typing import Protocol

from isolane.health.commands.verb import VerbError
from isolane.wire.verbs.telemetry_set_rate import TELEMETRY_SET_RATE, TelemetrySetRateArguments


class Rates(Protocol):
    """What can be made faster for a while."""

    def full(self, seconds: float) -> float:
        """Have nothing thinned for so long from now on, 0: no longer; give for how long that is, s."""
        ...

    def rapid(self, seconds: float) -> float:
        """Read what can be read in bursts faster; give for how long, s, 0 where nothing can be."""
        ...


class TelemetrySetRate:
    """More telemetry for a while."""

    declared = TELEMETRY_SET_RATE

    def __init__(self, rates: Rates) -> None:
        self._rates = rates

    async def run(self, arguments: TelemetrySetRateArguments, person: str) -> Mapping[str, object]:
        """See `Verb.run`."""
        del person
        match arguments.rate:
            case "full":
                for_s = self._rates.full(arguments.for_s)
            case "rapid":
                for_s = self._rates.rapid(arguments.for_s)
                if not for_s:
                    raise VerbError("no source has signals that it can read in bursts")
            case "usual":
                for_s = self._rates.full(0)
        return {"rate": arguments.rate, "for_s": for_s}
