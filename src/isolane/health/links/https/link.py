"""This file is the HTTPS link; it guards that whatever a request ends with, each of its messages is answered for.

Operation: one POST after the other, each with what is due, as far as the center takes several messages in one. A
refused message is set aside and the next one goes; a refused bundle goes again in smaller ones. If nothing gets
through, the link pauses, longer each time. A session is the life of this process: a center that has forgotten a schema
asks for it.
"""

import asyncio
import logging

import httpx

from isolane.config.site import Site
from isolane.health.links.backoff import Backoff
from isolane.health.links.counts import LinkCounts
from isolane.health.links.errands import Errands
from isolane.health.links.https.ask import Asker
from isolane.health.links.https.bundles import Bundles
from isolane.health.links.https.connect import client
from isolane.health.links.https.pick import Pick
from isolane.health.links.https.send import Outcome, Verdict, send
from isolane.health.links.https.settings import HttpsSettings
from isolane.health.links.mistrust import Mistrust
from isolane.health.links.port import AnyMessage, Courier
from isolane.health.links.traffic import Meter
from isolane.health.links.way import Way
from isolane.security.live_identity import LiveIdentity
from isolane.security.tls import client_context
from isolane.wire.bundle import bundle_path, pack
from isolane.wire.errand import errands_path
from isolane.wire.uplink import Up, ingest_path

_LOG = logging.getLogger(__name__)
_NO_BUNDLES = frozenset({404, 405, 501})
"""How a center of an older release, put in the place of a newer one, answers a bundle."""
_ABOUT_NOW = frozenset({429, 503})
_BYTES, _JSON = "application/octet-stream", "application/json"


class HttpsLink:
    """The way straight to the center.

    Args:
        settings: Its table.
        site: Whose paths are used.
        way: The way out; None: by itself.
        errands: What is carried beside the outbox; None: nothing.

    Raises:
        IsolaneError: A certificate or key cannot be read.
    """

    def __init__(
        self, settings: HttpsSettings, site: Site, way: Way | None = None, errands: Errands | None = None
    ) -> None:
        client_context(settings.ca, settings.certificate, settings.key)
        self.name = settings.name
        self.counts = LinkCounts()
        self._settings = settings
        self._way = way
        self._paths = {kind: ingest_path(site.name, site.gateway, kind) for kind in Up}
        self._bundle_path = bundle_path(site.name, site.gateway)
        self._bundles = Bundles(settings.window)
        self._mistrust = Mistrust(settings.url)
        self._meter = Meter(self.counts)
        path = errands_path(site.name, site.gateway)
        self._asker = None if errands is None else Asker(settings, path, errands)
        self._backoff = Backoff(settings.reconnect_s_max)

    async def run(self, courier: Courier[AnyMessage]) -> None:
        """See `port.Link.run`."""
        await courier.begin()
        pick = Pick(courier)
        context = client_context(self._settings.ca, self._settings.certificate, self._settings.key)
        identity = LiveIdentity(context, self._settings.certificate, self._settings.key)
        async with client(self._settings, self.counts, self._way, context) as requests, asyncio.TaskGroup() as tasks:
            if self._asker is not None:
                tasks.create_task(self._asker.run(requests))
            try:
                while True:
                    messages = await pick.pick(self._bundles.messages_max)
                    if identity.refresh():
                        _LOG.info("certificate-renewed link=%s", self.name)
                    outcome = await self._post(requests, messages)
                    await self._settle(courier, pick, outcome)
            finally:
                pick.back()

    async def _post(self, requests: httpx.AsyncClient, messages: list[AnyMessage]) -> Outcome:
        for message in messages:
            self.counts.count(message.kind, len(message.data))
        try:
            if len(messages) > 1:
                body = pack((message.kind, message.data) for message in messages)
                return await send(requests, self._bundle_path, body, _BYTES, self._meter)
            kind = messages[0].kind
            media = _BYTES if kind in (Up.BLOCK, Up.PAPER) else _JSON
            return await send(requests, self._paths[kind], messages[0].data, media, self._meter)
        except httpx.TransportError as error:
            self._mistrust.failure(error)
            is_sent = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            return Outcome(Verdict.FAILED, why=f"{type(error).__name__}: {error}", is_sent=is_sent)

    async def _settle(self, courier: Courier[AnyMessage], pick: Pick[AnyMessage], outcome: Outcome) -> None:
        self.counts.garbage += outcome.garbage
        if outcome.verdict is Verdict.TAKEN:
            await self._taken(courier, pick, outcome)
            return
        messages = pick.messages
        kinds = " ".join(sorted({message.kind for message in messages}))
        verdict = outcome.verdict.value
        _LOG.warning("post-%s link=%s messages=%d of=%s why=%s", verdict, self.name, len(messages), kinds, outcome.why)
        if outcome.garbage:
            self._mistrust.answer(outcome.why)
        self._mistrust.status(outcome.status)
        if outcome.is_sent and outcome.status not in _ABOUT_NOW:
            self._bundles.failed(len(messages))
        if len(messages) > 1 and (outcome.verdict is Verdict.REFUSED or outcome.status in _NO_BUNDLES):
            if outcome.status in _NO_BUNDLES:
                self._bundles.tell(0)
            pick.back()
            return
        if outcome.verdict is Verdict.REFUSED:
            self._refused(courier, pick, outcome)
            return
        self.counts.failures += 1
        self.counts.connected = False
        pick.back()
        pause_s = max(self._backoff.pause_s(), min(outcome.retry_after_s, self._settings.reconnect_s_max))
        await asyncio.sleep(pause_s)

    async def _taken(self, courier: Courier[AnyMessage], pick: Pick[AnyMessage], outcome: Outcome) -> None:
        self._note_up()
        self._bundles.taken()
        messages, downlink = pick.messages, outcome.downlink
        pick.answered()
        self.counts.bundles += len(messages) > 1
        refused = frozenset(downlink.refused if len(messages) > 1 else ())
        for place, message in enumerate(messages):
            if place in refused:
                self.counts.refused += 1
                _LOG.warning("message-refused link=%s kind=%s", self.name, message.kind)
                courier.refuse(message)
            else:
                courier.sent(message)
        if any(message.kind is Up.LEDGER for message in messages):
            self._bundles.tell(downlink.bundle)
        await courier.answer(downlink)

    def _refused(self, courier: Courier[AnyMessage], pick: Pick[AnyMessage], outcome: Outcome) -> None:
        (message,) = pick.messages
        pick.answered()
        if outcome.status == httpx.codes.REQUEST_ENTITY_TOO_LARGE:
            self._mistrust.oversize(f"{message.kind}: {len(message.data)} bytes are more than the center takes")
        self.counts.refused += 1
        courier.refuse(message)

    def _note_up(self) -> None:
        self._backoff.reset()
        if not self.counts.connected:
            self.counts.connected = True
            self.counts.sessions += 1
            _LOG.info("link-up link=%s peer=%s", self.name, self._settings.url)
