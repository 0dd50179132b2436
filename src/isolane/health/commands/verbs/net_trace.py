"""This file does `net.trace`; it guards that only what the settings name is looked up and asked."""

from collections.abc import Mapping

from isolane.health.commands import probes
from isolane.health.commands.verbs.net_ping import found
from isolane.health.commands.verbs.settings import NetTarget
from isolane.wire.verbs.net_trace import NET_TRACE, NetTraceArguments


class NetTrace:
    """By which way a target is reached.

    Args:
        targets: By name.
    """

    declared = NET_TRACE

    def __init__(self, targets: Mapping[str, NetTarget]) -> None:
        self._targets = targets

    async def run(self, arguments: NetTraceArguments, person: str) -> Mapping[str, object]:
        """See `Verb.run`."""
        del person
        place = await found(self._targets, arguments.target)
        hops = await probes.trace(place, arguments.hops)
        told = [{"ttl": ttl, "by": hop.by, "ms": hop.ms} for ttl, hop in enumerate(hops, 1)]
        return {"address": place.address, "hops": told, "reached": hops[-1].is_end}
