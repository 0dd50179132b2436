"""This file is the Loki link; it guards that no sample is written as a log line."""

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from isolane.config.site import Site
from isolane.core.clock import Clock
from isolane.health.links.counts import LinkCounts
from isolane.health.links.facts import Fact
from isolane.health.links.forward import ForwardLink
from isolane.health.links.loki.encode import push
from isolane.health.links.loki.settings import LokiSettings
from isolane.health.links.outcome import TAKEN, Outcome
from isolane.health.links.posting import Poster
from isolane.health.links.rows import Rows
from isolane.health.links.way import Way

_HEADERS = {"content-type": "application/json", "content-encoding": "gzip"}


class Loki:
    """Loki's push, as `forward.Carrier` says.

    Args:
        settings: The table.
        site: Whose labels are used.
        way: The way out.
    """

    takes_rows = False
    takes_facts = True

    def __init__(self, settings: LokiSettings, site: Site, way: Way | None = None) -> None:
        self.counts = LinkCounts()
        self._poster = Poster(settings, self.counts, way=way)
        self._common = {**settings.labels, "site": site.name, "gateway": site.gateway}

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """See `forward.Carrier.open`."""
        async with self._poster:
            yield

    async def bring_rows(self, rows: Rows) -> Outcome:  # noqa: ARG002 - facts only
        """See `forward.Carrier.bring_rows`."""
        return TAKEN

    async def bring_facts(self, facts: list[Fact]) -> Outcome:
        """See `forward.Carrier.bring_facts`."""
        return await self._poster.post(gzip.compress(push(facts, self._common), 6, mtime=0), _HEADERS)


def loki_link(settings: LokiSettings, site: Site, clock: Clock, way: Way | None = None) -> ForwardLink:
    """Make the link.

    Raises:
        IsolaneError: A certificate, key or secret cannot be read.
    """
    return ForwardLink(settings.name, settings, Loki(settings, site, way), clock)
