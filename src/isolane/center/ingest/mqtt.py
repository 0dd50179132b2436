"""This file takes telemetry from a broker; it guards that an acknowledgement is published only after the commit.

The broker's own acknowledgement is not storage, so nothing is asked of it: each session starts clean, and what was in
flight when one ends is sent again by its gateway. A topic's gateway is believed because the broker's access list binds
it to the publisher's certificate (docs/reference/api.md says what the list must hold). An answer that nobody fetches
expires: what it acknowledges will be sent again and answered anew.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence
from functools import partial
from typing import cast

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from isolane.center.ingest.answer import merge
from isolane.center.ingest.counters import IngestCounters
from isolane.center.ingest.gather import Gathering, Sender
from isolane.center.ingest.intake import Intake, Received
from isolane.center.ingest.lines import Lines
from isolane.center.ingest.quota import Gates, QuotaError
from isolane.center.ingest.relay import Relay
from isolane.center.ingest.settings import MqttIngest
from isolane.center.ingest.shared import shared_filters
from isolane.center.ingest.suspicion import Suspicions
from isolane.center.store.command_relay import Outgoing
from isolane.center.store.port import RefusedError, UnavailableError
from isolane.security.tls import client_context
from isolane.wire.errand import down_errand_topic
from isolane.wire.mqtt_session import ClosedOnFailure, MqttSession, held
from isolane.wire.uplink import UP_FILTER, VERSION, Downlink, Up, down_topic, encode, read_up_topic

_log = logging.getLogger(__name__)

_PAUSE_S = 0.5
_TOPIC_CHARS_MAX = 120
_STEADY_S = 30.0
_REFUSAL = 0x80
_TOGETHER_MAX = 1000
"""Answers in one message: some 20 kB."""
_SILENCE = Downlink(VERSION)
_EXPIRY_S = 60
"""How long the broker keeps an answer for a gateway that is away."""


class MqttSubscriber:
    """One subscriber of the broker.

    Args:
        settings: See there.
        intake: Commits.
        counters: Are counted up.
        gates: Each gateway's share.
        suspicions: Are told what no gateway of ours would do.
        relay: Has what is to be brought to gateways; None: nothing is.
        is_sharing: Whether other workers take their part of the stream.

    Raises:
        IsolaneError: A certificate or key cannot be read.
    """

    def __init__(
        self,
        settings: MqttIngest,
        intake: Intake,
        counters: IngestCounters,
        gates: Gates,
        suspicions: Suspicions,
        *,
        relay: Relay | None = None,
        is_sharing: bool = False,
    ) -> None:
        self._settings = settings
        self._filters = shared_filters(settings.share) if is_sharing else [UP_FILTER]
        self._intake = intake
        self._counters = counters
        self._gates = gates
        self._suspicions = suspicions
        self._relay = relay
        self._properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        self._properties.MessageExpiryInterval = _EXPIRY_S
        self._tls = client_context(settings.ca, settings.certificate, settings.key)
        self._tls.sslsocket_class = ClosedOnFailure
        self._lines = partial(Lines, gates=gates, refused=self._over_quota)
        self._answers = Gathering(settings.answer_s)
        self._answered = asyncio.Event()

    async def run(self) -> None:
        """Stay subscribed for ever; cancel it to stop."""
        pause_s = _PAUSE_S
        while True:
            begun = time.monotonic()
            # A task of its own: a session that breaks while it is cancelled ends with the error of the break.
            session = asyncio.create_task(self._session())
            try:
                await asyncio.wait({session})
                session.result()
            except* aiomqtt.MqttError as errors:
                _log.warning("mqtt-down error=%s", errors.exceptions[0])
            finally:
                session.cancel()
                await asyncio.wait({session})
                self._counters.mqtt_connected = 0
                if self._relay is not None:
                    self._relay.broker_down()
                self._answers.clear()
            pause_s = _PAUSE_S if time.monotonic() - begun > _STEADY_S else pause_s
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, self._settings.reconnect_s_max)

    async def _session(self) -> None:
        session = MqttSession(
            self._settings.host,
            self._settings.port,
            identifier=self._settings.client_id,
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=True,
            keepalive=self._settings.keepalive_s,
            tls_context=self._tls,
            queue_type=cast("type[asyncio.Queue[aiomqtt.Message]]", self._lines),
            logger=_log.getChild("client"),
        )
        async with held(session) as client:
            granted: Sequence[ReasonCode | int] = await client.subscribe([(each, 1) for each in self._filters])
            for each, code in zip(self._filters, granted, strict=True):
                if (code if isinstance(code, int) else code.value) >= _REFUSAL:
                    raise aiomqtt.MqttError(f"the broker does not let the center subscribe to {each}")
            self._counters.mqtt_connected = 1
            self._counters.mqtt_sessions += 1
            _log.info("mqtt-up broker=%s:%d", self._settings.host, self._settings.port)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._take(client, tasks))
                tasks.create_task(self._answer(client))
                if self._relay is not None:
                    tasks.create_task(self._bring(client, self._relay.broker_up()))

    async def _take(self, client: aiomqtt.Client, tasks: asyncio.TaskGroup) -> None:
        """Hand messages to the intake in the order of each gateway; one beyond its share waits beside the others."""
        async for message in client.messages:
            topic = str(message.topic)
            try:
                site, gateway, kind = read_up_topic(topic)
                gate = self._gates.of(gateway)
                if gate.passes(len(message.payload)):
                    await self._submit(site, gateway, kind, message.payload)
                else:
                    gate.enter(len(message.payload))
                    tasks.create_task(self._submit_later(site, gateway, kind, message.payload))
            except ValueError as error:
                _log.warning("mqtt-refused topic=%r error=%s", topic[:_TOPIC_CHARS_MAX], error)
            except QuotaError as error:
                self._over_quota(gateway, str(error))

    def _over_quota(self, gateway: str, why: str) -> None:
        self._counters.over_quota += 1
        self._suspicions.over_quota(gateway, why)

    async def _submit_later(self, site: str, gateway: str, kind: Up, payload: bytes) -> None:
        await self._gates.of(gateway).stand(len(payload))
        await self._submit(site, gateway, kind, payload)

    async def _submit(self, site: str, gateway: str, kind: Up, payload: bytes) -> None:
        """Hand one message to the intake; it makes this wait when too much is waiting."""
        try:
            promise = await self._intake.submit(site, gateway, kind, payload)
        except RefusedError as error:
            self._suspicions.refused(gateway, str(error))
        except UnavailableError as error:
            _log.warning("mqtt-unavailable error=%s", error)
        else:
            promise.add_done_callback(partial(self._keep, (site, gateway), kind, payload))

    def _keep(self, sender: Sender, kind: Up, payload: bytes, promise: "asyncio.Future[Received]") -> None:
        """Keep what a commit answers until it is published."""
        if promise.cancelled() or promise.exception() is not None:
            return
        if promise.result().poison:
            self._suspicions.poison(sender, kind, payload, promise.result().poison)
        downlink = promise.result().downlink
        if downlink != _SILENCE:
            self._answers.add(sender, downlink)
            self._answered.set()

    async def _bring(self, client: aiomqtt.Client, outgoing: "asyncio.Queue[Outgoing]") -> None:
        """Publish what is to be brought to gateways; nothing of it is retained, or delivered when it is too late."""
        while True:
            each = await outgoing.get()
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.MessageExpiryInterval = max(1, int(each.life_s))
            topic = down_errand_topic(each.site, each.gateway, each.kind)
            await client.publish(topic, each.data, qos=1, retain=False, properties=properties)

    async def _answer(self, client: aiomqtt.Client) -> None:
        """Publish answers, those to one gateway that have gathered meanwhile as one message."""
        loop = asyncio.get_running_loop()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._answers.wait_s(loop.time())):
                    await self._answered.wait()
            self._answered.clear()
            for (site, gateway), downlinks in self._answers.take(loop.time()).items():
                for at in range(0, len(downlinks), _TOGETHER_MAX):
                    merged = merge(downlinks[at : at + _TOGETHER_MAX])
                    await client.publish(down_topic(site, gateway), encode(merged), qos=1, properties=self._properties)
