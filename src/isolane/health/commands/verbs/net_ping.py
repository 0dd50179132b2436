"""This file does `net.ping`; it guards that only what the settings name is looked up and asked."""

from collections.abc import Mapping

from isolane.health.commands import probes
from isolane.health.commands.verb import VerbError
from isolane.health.commands.verbs.settings import NetTarget
from isolane.wire.verbs.net_ping import NET_PING, NetPingArguments


class NetPing:
    """Whether a target can be reached.

    Args:
        targets: By name.
    """

    declared = NET_PING

    def __init__(self, targets: Mapping[str, NetTarget]) -> None:
        self._targets = targets

    async def run(self, arguments: NetPingArguments, person: str) -> Mapping[str, object]:
        """See `Verb.run`."""
        del person
        place = await found(self._targets, arguments.target)
        told: dict[str, object] = {"address": place.address}
        echoes = await probes.echo(place, arguments.count)
        if echoes is not None:
            told["echo"] = echoes
        if place.port is not None:
            told["connect"] = await probes.connect(place, arguments.count)
        return told


async def found(targets: Mapping[str, NetTarget], name: str) -> probes.Place:
    """Look up a target.

    Raises:
        VerbError: There is no such target, or it has no address.
    """
    target = targets.get(name)
    if target is None:
        raise VerbError(f"the settings name no target {name}")
    try:
        return await probes.look_up(target.host, target.port)
    except (OSError, UnicodeError) as error:
        raise VerbError(f"target {name} has no address: {error}"[:300]) from error
