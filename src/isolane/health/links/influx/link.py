"""This file is the InfluxDB link; it guards that a partial write is counted and neither repeated nor hidden."""

import gzip
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from isolane.config.site import Site
from isolane.core.clock import Clock
from isolane.health.links.counts import LinkCounts
from isolane.health.links.facts import Fact
from isolane.health.links.forward import ForwardLink
from isolane.health.links.influx.encode import lines
from isolane.health.links.influx.settings import InfluxSettings
from isolane.health.links.outcome import TAKEN, Outcome, Verdict
from isolane.health.links.posting import Poster
from isolane.health.links.rows import Rows
from isolane.health.links.way import Way

_LOG = logging.getLogger(__name__)
_HEADERS = {"content-type": "text/plain; charset=utf-8", "content-encoding": "gzip"}
_PARTIAL = re.compile(r"partial write.*?dropped=(\d+)", re.DOTALL)
_VERSION_2 = 2


class Influx:
    """Line protocol, as `forward.Carrier` says.

    Args:
        settings: The table.
        site: Whose tags are used.
        way: The way out.
    """

    takes_rows = True
    takes_facts = False

    def __init__(self, settings: InfluxSettings, site: Site, way: Way | None = None) -> None:
        self.counts = LinkCounts()
        self._settings = settings
        is_v2 = settings.version == _VERSION_2
        self._poster = Poster(settings, self.counts, "Token" if is_v2 else "Bearer", way)
        self._url = settings.url.rstrip("/") + ("/api/v2/write" if is_v2 else "/write")
        self._params = _params(settings)
        self._common = {**settings.tags, "site": site.name, "gateway": site.gateway}

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """See `forward.Carrier.open`."""
        async with self._poster:
            yield

    async def bring_rows(self, rows: Rows) -> Outcome:
        """See `forward.Carrier.bring_rows`."""
        body = lines(rows, self._settings.measurement, self._common, held=self._settings.held)
        if not body:
            return TAKEN
        packed = gzip.compress(body, 6, mtime=0)
        outcome = await self._poster.post(packed, _HEADERS, url=self._url, params=self._params)
        partial = _PARTIAL.search(outcome.why) if outcome.verdict is Verdict.REFUSED else None
        if partial is None:
            return outcome
        # The target has kept the rest; sending it all again would change nothing.
        self.counts.rejected += int(partial[1])
        _LOG.warning("target-rejected link=%s points=%s why=%s", self._settings.name, partial[1], outcome.why)
        return Outcome(Verdict.TAKEN, size=outcome.size)

    async def bring_facts(self, facts: list[Fact]) -> Outcome:  # noqa: ARG002 - samples only
        """See `forward.Carrier.bring_facts`."""
        return TAKEN


def _params(settings: InfluxSettings) -> dict[str, str]:
    if settings.version == _VERSION_2:
        pairs = {"org": settings.org, "bucket": settings.bucket}
    else:
        pairs = {"db": settings.database, "rp": settings.retention_policy}
    return {**{name: value for name, value in pairs.items() if value}, "precision": "ms"}


def influx_link(settings: InfluxSettings, site: Site, clock: Clock, way: Way | None = None) -> ForwardLink:
    """Make the link.

    Raises:
        IsolaneError: A certificate, key or secret cannot be read.
    """
    return ForwardLink(settings.name, settings, Influx(settings, site, way), clock)
