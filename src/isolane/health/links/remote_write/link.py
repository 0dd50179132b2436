"""This file is the remote-write link; it guards that a series' end is told once the target has all before it."""

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from isolane.config.site import Site
from isolane.core.clock import Clock
from isolane.health.links.counts import LinkCounts
from isolane.health.links.facts import Fact
from isolane.health.links.forward import ForwardLink
from isolane.health.links.outcome import TAKEN, Outcome, Verdict
from isolane.health.links.posting import Poster
from isolane.health.links.remote_write.encode import Ends, packed, write_request
from isolane.health.links.remote_write.settings import RemoteWriteSettings
from isolane.health.links.rows import Rows
from isolane.health.links.way import Way

_TOO_OLD = ("too old sample", "out of bounds", "out of order sample")
"""What Prometheus says, with status 500 or 400 by its version, of samples that it will never take."""
_HEADERS = {
    "content-type": "application/x-protobuf",
    "content-encoding": "snappy",
    "x-prometheus-remote-write-version": "0.1.0",
}


class RemoteWrite:
    """Remote write, as `forward.Carrier` says.

    Args:
        settings: The table.
        site: Whose labels are used.
        way: The way out.
    """

    takes_rows = True
    takes_facts = False

    def __init__(self, settings: RemoteWriteSettings, site: Site, way: Way | None = None) -> None:
        self.counts = LinkCounts()
        self._poster = Poster(settings, self.counts, way=way)
        self._held = settings.held
        self._common = {**settings.labels, "site": site.name, "gateway": site.gateway}
        self._ends = Ends()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """See `forward.Carrier.open`."""
        async with self._poster:
            yield

    async def bring_rows(self, rows: Rows) -> Outcome:
        """See `forward.Carrier.bring_rows`."""
        request, ends = write_request(rows, self._ends, self._common, held=self._held)
        outcome = await self._poster.post(packed(request), _HEADERS) if request else TAKEN
        if outcome.verdict is Verdict.TAKEN:
            self._ends = ends
        elif outcome.is_about_this and any(said in outcome.why for said in _TOO_OLD):
            return dataclasses.replace(outcome, verdict=Verdict.REFUSED)
        return outcome

    async def bring_facts(self, facts: list[Fact]) -> Outcome:  # noqa: ARG002 - samples only
        """See `forward.Carrier.bring_facts`."""
        return TAKEN


def remote_write_link(settings: RemoteWriteSettings, site: Site, clock: Clock, way: Way | None = None) -> ForwardLink:
    """Make the link.

    Raises:
        IsolaneError: A certificate, key or secret cannot be read.
    """
    return ForwardLink(settings.name, settings, RemoteWrite(settings, site, way), clock)
