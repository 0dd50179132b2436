"""This file is the MQTT link; it guards that whatever ends a session, the next one begins by itself.

Operation: connect, subscribe to the answers, then as many senders as the window and the broker's receive maximum
allow, each of which waits for the broker before it sends again; the order in which they ask the cursor is the order
on the wire. Several answers that have come meanwhile are taken in one commit.
"""

import asyncio
import logging

import aiomqtt

from isolane.config.site import Site
from isolane.health.links.counts import LinkCounts
from isolane.health.links.errands import Errands
from isolane.health.links.mistrust import Mistrust
from isolane.health.links.mqtt.connect import Session, connected, is_too_new
from isolane.health.links.mqtt.send import send
from isolane.health.links.mqtt.sessions import keep, measured
from isolane.health.links.mqtt.settings import MqttSettings
from isolane.health.links.port import AnyMessage, Courier
from isolane.health.links.way import Way, dialer_of
from isolane.security.tls import client_context
from isolane.wire.errand import Down, down_errand_topic
from isolane.wire.uplink import VERSION, Downlink, Up, decode_downlink, down_topic, up_topic

_LOG = logging.getLogger(__name__)
_TOGETHER_MAX = 64
_FAILED = 0x80


class MqttLink:
    """The way to the center through a broker.

    Args:
        settings: Its table.
        site: Whose topics are used; the gateway's name is the client id.
        way: The way out; None: by itself.
        errands: What is carried beside the outbox; None: nothing.

    Raises:
        IsolaneError: A certificate or key cannot be read.
    """

    def __init__(
        self, settings: MqttSettings, site: Site, way: Way | None = None, errands: Errands | None = None
    ) -> None:
        client_context(settings.ca, settings.certificate, settings.key)
        self.name = settings.name
        self.counts = LinkCounts()
        self._settings = settings
        self._way = way
        self._mistrust = Mistrust(f"{settings.host}:{settings.port}")
        self._client_id = site.gateway
        self._up = {kind: up_topic(site.name, site.gateway, kind) for kind in Up}
        self._down = down_topic(site.name, site.gateway)
        self._errands = errands
        kinds = () if errands is None else Down
        self._brought = {down_errand_topic(site.name, site.gateway, kind): kind for kind in kinds}
        self._protocol = aiomqtt.ProtocolVersion.V311 if settings.protocol == "3.1.1" else aiomqtt.ProtocolVersion.V5

    async def run(self, courier: Courier[AnyMessage]) -> None:
        """See `port.Link.run`."""
        pause_s = self._settings.reconnect_s_max
        await keep(self.name, self.counts, pause_s, lambda: self._session(courier), self._mistrust)

    async def _session(self, courier: Courier[AnyMessage]) -> None:
        try:
            dialer = dialer_of(self._way, self.counts, self._settings.dead_s)
            async with connected(self._settings, self._client_id, self._protocol, dialer=dialer) as session:
                await self._talk(session, courier)
        except aiomqtt.MqttError as error:
            if self._settings.protocol == "auto" and is_too_new(error):
                _LOG.warning("broker-speaks-mqtt-3.1.1 link=%s", self.name)
                self._protocol = aiomqtt.ProtocolVersion.V311
            raise

    async def _talk(self, session: Session, courier: Courier[AnyMessage]) -> None:
        topics = [self._down, *self._brought]
        granted = await session.subscribe([(topic, 1) for topic in topics])
        codes = [code if isinstance(code, int) else code.value for code in granted]  # of MQTT 3.1.1, and of 5
        for topic, code in zip(topics, codes, strict=True):
            if code >= _FAILED:
                raise aiomqtt.MqttError(f"the broker does not let us subscribe to {topic}")
        await courier.begin()
        self.counts.sessions += 1
        self.counts.connected = True
        _LOG.info("link-up link=%s peer=%s:%d", self.name, self._settings.host, self._settings.port)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._receive(session, courier))
                tasks.create_task(measured(session, self.counts))
                if self._errands is not None:
                    tasks.create_task(self._state(session, self._errands))
                for _ in range(min(self._settings.window, session.receive_maximum)):
                    tasks.create_task(self._send(session, courier))
        finally:
            self.counts.connected = False

    async def _send(self, session: Session, courier: Courier[AnyMessage]) -> None:
        while True:
            message = await courier.next()
            why = await send(session, self._up[message.kind], message, self.counts, self._settings)
            if why is None:
                courier.sent(message)
            else:
                self.counts.refused += 1
                _LOG.warning("message-refused link=%s kind=%s why=%s", self.name, message.kind, why)
                self._mistrust.oversize(f"{message.kind}: {why}")
                courier.refuse(message)

    async def _state(self, session: Session, errands: Errands) -> None:
        """Bring the newest statement, and each that replaces it."""
        number = 0
        while True:
            number, data = await errands.newest(number)
            size, topic = len(data), self._up[Up.STATEMENT]
            self.counts.count(Up.STATEMENT, size)
            why = await session.deliver(topic, data, self._settings.dead_s, self._settings.expiry_s)
            if why is not None:
                self.counts.refused += 1
                _LOG.warning("statement-refused link=%s why=%s", self.name, why)

    async def _receive(self, session: Session, courier: Courier[AnyMessage]) -> None:
        messages = session.messages
        async for message in messages:
            together = [self._read(message)]
            while len(messages) and len(together) < _TOGETHER_MAX:
                together.append(self._read(await anext(messages)))
            answers = [answer for answer in together if answer is not None]
            if answers:
                await courier.answer(_joined(answers))

    def _read(self, message: aiomqtt.Message) -> Downlink | None:
        kind = self._brought.get(str(message.topic))
        if kind is not None and self._errands is not None:
            self._errands.take(kind, message.payload, retained=message.retain)
            return None
        why = "retained"
        # The center retains nothing; what is retained there was put by somebody else, or long ago.
        if not message.retain and isinstance(message.payload, bytes):
            try:
                return decode_downlink(message.payload)
            except ValueError as error:
                why = str(error)
        self.counts.garbage += 1
        _LOG.warning("answer-unreadable link=%s why=%s", self.name, why)
        self._mistrust.answer(why)
        return None


def _joined(answers: list[Downlink]) -> Downlink:
    """Give several answers as one."""
    if len(answers) == 1:
        return answers[0]
    return Downlink(
        VERSION,
        tuple(ack for answer in answers for ack in answer.acks),
        tuple(dict.fromkeys(wanted for answer in answers for wanted in answer.want)),
        {key: why for answer in answers for key, why in answer.poison.items()},
    )
