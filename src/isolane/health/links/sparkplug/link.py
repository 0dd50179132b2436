"""This file is the Sparkplug link; it guards that nothing is published to a host that is not there.

Operation: connect with the NDEATH as will, subscribe to commands and to the primary host's state, wait for the host,
then births, then data. When the host goes, the session ends with an NDEATH and the next one waits for it; what is
sampled meanwhile stays in the outbox and comes later as history.

Sparkplug's data have QoS 0, so nobody acknowledges them. The best there is: after a block's messages the broker is
asked something (an unsubscription of a topic we never had), and since a broker takes one client's packets in their
order, its answer shows that it has read them. With a primary host, the host was online when that was so.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

import aiomqtt
from google.protobuf.message import DecodeError

from isolane.config.site import Site
from isolane.core.clock import NS_PER_MS, NS_PER_S, Clock
from isolane.health.links.counts import LinkCounts
from isolane.health.links.mqtt.connect import Session, connected
from isolane.health.links.mqtt.sessions import keep, measured
from isolane.health.links.port import AnyMessage, Courier
from isolane.health.links.rows import Rows, Schemas, UnknownSchemaError, acknowledged, wanted
from isolane.health.links.sparkplug.node import Aliases, Names, Node
from isolane.health.links.sparkplug.payload import SEQ_MAX, death, is_rebirth
from isolane.health.links.sparkplug.report import Report
from isolane.health.links.sparkplug.settings import SparkplugSettings
from isolane.health.links.sparkplug.state import HostState
from isolane.health.links.way import Way, dialer_of
from isolane.security.tls import client_context
from isolane.wire.paper import read_key
from isolane.wire.uplink import VERSION, Ack, Downlink, Up, decode_gap

_LOG = logging.getLogger(__name__)
_NOTHING = "spBv1.0/isolane/barrier"
_FAREWELL_S = 1.0


class HostAwayError(aiomqtt.MqttError):
    """The primary host has gone."""


class SparkplugLink:
    """The gateway as a Sparkplug Edge Node.

    Args:
        settings: Its table.
        site: Names, where the settings give none.
        clock: For timestamps and the age limit.
        way: The way out; None: by itself.

    Raises:
        IsolaneError: A certificate, key or secret cannot be read.
    """

    def __init__(self, settings: SparkplugSettings, site: Site, clock: Clock, way: Way | None = None) -> None:
        client_context(settings.ca, settings.certificate, settings.key)
        self.name = settings.name
        self.counts = LinkCounts()
        self._settings = settings
        self._way = way
        self._clock = clock
        group, node = settings.group or site.name, settings.edge_node or site.gateway
        self._client_id = f"{group}-{node}"
        self._names = Names(group, node)
        self._aliases = Aliases()
        self._report = Report(settings.deadbands, held=settings.held)
        self._schemas = Schemas()
        self._host = HostState(settings.primary_host)
        self._host_changed = asyncio.Event()
        self._bd_seq = -1
        self._asked: set[bytes] = set()
        """Schemas asked for since one was told."""

    async def run(self, courier: Courier[AnyMessage]) -> None:
        """See `port.Link.run`."""
        await keep(self.name, self.counts, self._settings.reconnect_s_max, lambda: self._session(courier))

    async def _session(self, courier: Courier[AnyMessage]) -> None:
        self._bd_seq = self._bd_seq + 1 if self._bd_seq < SEQ_MAX else 0
        self._host.forget()
        async with self._connected() as session:
            await session.subscribe(self._names.topic("NCMD"), qos=1)
            if self._host.topic is not None:
                await session.subscribe(self._host.topic, qos=1)
            node = Node(session, self._names, self._aliases, self._report, bd_seq=self._bd_seq, clock=self._clock)
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._receive(session, node))
                    tasks.create_task(measured(session, self.counts))
                    tasks.create_task(self._send(session, node, courier))
            finally:
                self.counts.connected = False
                await self._farewell(session, node)

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[Session]:
        will = aiomqtt.Will(self._names.topic("NDEATH"), self._death(), qos=1, retain=False)
        settings = self._settings
        protocol = aiomqtt.ProtocolVersion.V5 if settings.protocol == "5" else aiomqtt.ProtocolVersion.V311
        login = None if settings.user is None or settings.password is None else (settings.user, settings.password)
        dialer = dialer_of(self._way, self.counts, settings.dead_s)
        async with connected(
            settings, self._client_id, protocol, will=will, login=login, is_polite=False, dialer=dialer
        ) as session:
            yield session

    async def _farewell(self, session: Session, node: Node) -> None:
        """Say that we go, if we were there. No DISCONNECT follows, so the will says it once more."""
        if node.is_born:
            with contextlib.suppress(aiomqtt.MqttError, TimeoutError):
                async with asyncio.timeout(_FAREWELL_S):
                    await session.publish(self._names.topic("NDEATH"), self._death(), qos=1)

    def _death(self) -> bytes:
        return death(self._bd_seq, self._clock.utc_ns() // NS_PER_MS)

    async def _receive(self, session: Session, node: Node) -> None:
        async for message in session.messages:
            payload = bytes(message.payload)
            try:
                if str(message.topic) == self._host.topic:
                    self._host.take(payload)
                    self._host_changed.set()
                elif is_rebirth(payload):
                    async with node.turn:
                        if node.is_born:
                            await node.births()
            except (ValueError, DecodeError) as error:
                self.counts.garbage += 1
                _LOG.warning("sparkplug-unreadable link=%s topic=%s why=%s", self.name, message.topic, error)
            if node.is_born and not self._host.online:
                raise HostAwayError("the primary host is offline")

    async def _send(self, session: Session, node: Node, courier: Courier[AnyMessage]) -> None:
        while not self._host.online:
            self._host_changed.clear()
            await self._host_changed.wait()
        await courier.begin()
        self.counts.sessions += 1
        self.counts.connected = True
        _LOG.info("link-up link=%s peer=%s:%d", self.name, self._settings.host, self._settings.port)
        while True:
            message = await courier.next()
            try:
                answer = await self._bring(session, node, message)
            except ValueError as error:
                await self._turn_down(courier, message, error)
                continue
            except BaseException:
                courier.back(message)
                raise
            courier.sent(message)
            if answer is not None:
                await courier.answer(answer)

    async def _turn_down(self, courier: Courier[AnyMessage], message: AnyMessage, error: ValueError) -> None:
        """Ask once for the schema that a block needs, and keep the block's place; set aside what is not readable."""
        needed = error.identity if isinstance(error, UnknownSchemaError) else b""
        if needed and needed not in self._asked:
            self._asked.add(needed)
            courier.back(message)
        else:
            self.counts.refused += 1
            _LOG.warning("target-refused link=%s kind=%s why=%s", self.name, message.kind, error)
            courier.refuse(message)
        if needed:
            await courier.answer(wanted(needed))

    async def _bring(self, session: Session, node: Node, message: AnyMessage) -> Downlink | None:
        """Bring one message away; give what to say in the target's name."""
        if message.kind is Up.SCHEMA:
            self._schemas.learn(message.data)
            self._asked.clear()
        elif message.kind is Up.PAPER:
            return acknowledged(read_key(message.data))
        elif message.kind is Up.GAP:
            gap = decode_gap(message.data)
            return Downlink(VERSION, (Ack(gap.epoch, gap.stream, (), (gap.first,)),))
        elif message.kind is Up.BLOCK:
            rows = self._schemas.rows(message.data)
            if self._is_too_old(rows):
                self.counts.passed_over += 1
            else:
                await self._bring_block(session, node, rows)
            return acknowledged(rows.key)
        return None

    async def _bring_block(self, session: Session, node: Node, rows: Rows) -> None:
        for part in rows.parts(self._settings.samples_max):
            async with node.turn:
                size = 0
                if self._aliases.learn(part.signals) or not node.is_born:
                    self._report.note(part)
                    size += await node.births()
                size += await node.data(part)
            if size:
                self.counts.count(Up.BLOCK, size)
            self.counts.samples += int(part.present(held=self._settings.held).sum())
        await session.unsubscribe(_NOTHING, timeout=float(self._settings.dead_s))

    def _is_too_old(self, rows: Rows) -> bool:
        limit_s = self._settings.age_max_s
        return limit_s is not None and int(rows.t_ms[0]) * NS_PER_MS < self._clock.utc_ns() - limit_s * NS_PER_S
