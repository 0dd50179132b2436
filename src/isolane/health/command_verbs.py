"""This file gives verbs what they reach of this process; it guards that each reaches no more than it needs."""

import msgspec

from isolane import __version__
from isolane.core.clock import NS_PER_S, Clock
from isolane.health.links.port import Link
from isolane.health.outbox.outbox import Outbox


class Own:
    """What this process can tell of itself.

    Args:
        outbox: Open, or to be opened.
        links: In the order of the settings.
        sources: How many there are.
        clock: Both clocks.
    """

    def __init__(self, outbox: Outbox, links: tuple[Link, ...], sources: int, clock: Clock) -> None:
        self._outbox, self._links, self._sources, self._clock = outbox, links, sources, clock
        self._begun_ns = clock.mono_ns()

    def facts(self) -> dict[str, object]:
        """See the verb `status`."""
        tally = self._outbox.tally
        return {
            "release": __version__,
            "uptime_s": (self._clock.mono_ns() - self._begun_ns) // NS_PER_S,
            "sources": self._sources,
            "links": {link.name: link.counts.connected for link in self._links},
            "outbox": {"blocks": tally.blocks_queued, "bytes": tally.bytes_queued, "epoch": self._outbox.epoch},
        }

    async def books(self, epoch: int | None) -> dict[str, object] | None:
        """See the verb `ledger`."""
        entries = await self._outbox.entries()
        wanted = self._outbox.epoch if epoch is None else epoch
        own = [msgspec.to_builtins(entry) for entry in entries if entry.epoch == wanted]
        return {"epoch": wanted, "streams": own} if own else None
