"""This file is the syslog link; it guards that no sample is written as a log line."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from isolane.config.site import Site
from isolane.core.clock import Clock
from isolane.health.links.counts import LinkCounts
from isolane.health.links.facts import Fact
from isolane.health.links.forward import ForwardLink
from isolane.health.links.outcome import TAKEN, Outcome, Verdict
from isolane.health.links.rows import Rows
from isolane.health.links.syslog.connect import Connection
from isolane.health.links.syslog.encode import framed, message
from isolane.health.links.syslog.settings import SyslogSettings
from isolane.health.links.way import Way


class Syslog:
    """Syslog over TLS, as `forward.Carrier` says.

    Args:
        settings: The table.
        site: The gateway's name is the host's.
        way: The way out; None: by itself.
    """

    takes_rows = False
    takes_facts = True

    def __init__(self, settings: SyslogSettings, site: Site, way: Way | None = None) -> None:
        self.counts = LinkCounts()
        self._settings = settings
        self._site = site
        self._connection = Connection(settings, self.counts, way)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """See `forward.Carrier.open`."""
        try:
            yield
        finally:
            self._connection.close()

    async def bring_rows(self, rows: Rows) -> Outcome:  # noqa: ARG002 - facts only
        """See `forward.Carrier.bring_rows`."""
        return TAKEN

    async def bring_facts(self, facts: list[Fact]) -> Outcome:
        """See `forward.Carrier.bring_facts`."""
        data = framed([self._message(fact) for fact in facts])
        try:
            await self._connection.deliver(data)
        except OSError as error:  # time-outs and TLS failures are OSErrors
            return Outcome(Verdict.FAILED, f"{type(error).__name__}: {error}", len(data))
        return Outcome(Verdict.TAKEN, size=len(data))

    def _message(self, fact: Fact) -> bytes:
        settings, site = self._settings, self._site
        return message(
            fact, host=site.gateway, site=site.name, facility=settings.facility, enterprise=settings.enterprise
        )


def syslog_link(settings: SyslogSettings, site: Site, clock: Clock, way: Way | None = None) -> ForwardLink:
    """Make the link.

    Raises:
        IsolaneError: A certificate or key cannot be read.
    """
    return ForwardLink(settings.name, settings, Syslog(settings, site, way), clock)
