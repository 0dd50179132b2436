"""This file is the HTTPS link; it guards that whatever a request ends with, its message is answered for.

Operation: one message after the other. A refused one is set aside and the next one goes; if nothing gets through, the
link pauses, longer each time. A session is the life of this process: a center that has forgotten a schema asks for
it.
"""

import asyncio
import logging

import httpx

from isolane.config.site import Site
from isolane.health.links.backoff import Backoff
from isolane.health.links.counts import LinkCounts
from isolane.health.links.https.connect import client
from isolane.health.links.https.send import Outcome, Verdict, send
from isolane.health.links.https.settings import HttpsSettings
from isolane.health.links.mistrust import Mistrust
from isolane.health.links.port import AnyMessage, Courier
from isolane.health.links.traffic import Meter
from isolane.health.links.way import Way
from isolane.security.tls import client_context
from isolane.wire.uplink import Up, ingest_path

_LOG = logging.getLogger(__name__)


class HttpsLink:
    """The way straight to the center.

    Args:
        settings: Its table.
        site: Whose paths are used.
        way: The way out; None: by itself.

    Raises:
        IsolaneError: A certificate or key cannot be read.
    """

    def __init__(self, settings: HttpsSettings, site: Site, way: Way | None = None) -> None:
        client_context(settings.ca, settings.certificate, settings.key)
        self.name = settings.name
        self.counts = LinkCounts()
        self._settings = settings
        self._way = way
        self._paths = {kind: ingest_path(site.name, site.gateway, kind) for kind in Up}
        self._mistrust = Mistrust(settings.url)
        self._meter = Meter(self.counts)
        self._backoff = Backoff(settings.reconnect_s_max)

    async def run(self, courier: Courier[AnyMessage]) -> None:
        """See `port.Link.run`."""
        await courier.begin()
        async with client(self._settings, self.counts, self._way) as requests:
            while True:
                message = await courier.next()
                try:
                    self.counts.count(message.kind, len(message.data))
                    outcome = await send(requests, self._paths[message.kind], message, self._meter)
                except httpx.TransportError as error:
                    self._mistrust.failure(error)
                    outcome = Outcome(Verdict.FAILED, why=f"{type(error).__name__}: {error}")
                except asyncio.CancelledError:
                    courier.back(message)
                    raise
                await self._settle(courier, message, outcome)

    async def _settle(self, courier: Courier[AnyMessage], message: AnyMessage, outcome: Outcome) -> None:
        self.counts.garbage += outcome.garbage
        if outcome.verdict is Verdict.TAKEN:
            self._note_up()
            courier.sent(message)
            await courier.answer(outcome.downlink)
            return
        _LOG.warning("post-%s link=%s kind=%s why=%s", outcome.verdict.value, self.name, message.kind, outcome.why)
        if outcome.garbage:
            self._mistrust.answer(outcome.why)
        self._mistrust.status(outcome.status)
        if outcome.verdict is Verdict.REFUSED:
            if outcome.status == httpx.codes.REQUEST_ENTITY_TOO_LARGE:
                self._mistrust.oversize(f"{message.kind}: {len(message.data)} bytes are more than the center takes")
            self.counts.refused += 1
            courier.refuse(message)
            return
        self.counts.failures += 1
        self.counts.connected = False
        courier.back(message)
        pause_s = max(self._backoff.pause_s(), min(outcome.retry_after_s, self._settings.reconnect_s_max))
        await asyncio.sleep(pause_s)

    def _note_up(self) -> None:
        self._backoff.reset()
        if not self.counts.connected:
            self.counts.connected = True
            self.counts.sessions += 1
            _LOG.info("link-up link=%s peer=%s", self.name, self._settings.url)
