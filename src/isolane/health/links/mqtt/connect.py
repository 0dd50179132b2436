"""This file opens broker sessions; it guards that no message is sent that the broker has said it does not take.

aiomqtt keeps some things to itself that a link needs: what the broker's CONNACK allows, the reason code of a PUBACK,
and the socket. `Session` takes them from its callbacks; the lock pins the library's version.
"""

import logging
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic_ns
from typing import Any, Protocol

import aiomqtt
from paho.mqtt.client import Client as PahoClient
from paho.mqtt.client import ConnectFlags
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from isolane.config.values import Secret
from isolane.core.line_limit import LineLimit
from isolane.health.links.way import Dialer
from isolane.security.tls import client_context
from isolane.wire.mqtt_session import ClosedOnFailure, MqttSession, held
from isolane.wire.uplink import MESSAGE_BYTES_MAX

_LOG = logging.getLogger(__name__)
_LOST = ("failed to receive on socket", "timeout on socket")
"""How the library begins an error line about a connection that has ended."""
_FULL = "Message queue is full"
"""How it begins the line about each message that it drops."""
_DROPPED = LineLimit(1, 1)
_ANSWERS_MAX = 1000
"""Answers waiting to be read; more are lost, and what they acknowledged is sent again."""
_RECEIVE_MAXIMUM = 65_535
"""What a broker that does not say allows. Source: MQTT 5.0, 3.2.2.3.3."""
_ANSWERS_AT_ONCE = 100
"""How many answers the broker may have under way to us."""
_FAILED = 0x80
_UNSUPPORTED_V5 = 0x84
_UNSUPPORTED_V3 = 0x01
"""How a broker that does not know MQTT 5 says so, in its own version's words."""


class Broker(Protocol):
    """What a session needs to know of a link's table."""

    @property
    def host(self) -> str:
        """Name or address."""
        ...

    @property
    def port(self) -> int:
        """TCP port."""
        ...

    @property
    def ca(self) -> Path | None:
        """Authorities, PEM."""
        ...

    @property
    def certificate(self) -> Path | None:
        """Our certificate, PEM."""
        ...

    @property
    def key(self) -> Path | None:
        """Its key, PEM."""
        ...

    @property
    def window(self) -> int:
        """Messages under way at once."""
        ...

    @property
    def keepalive_s(self) -> int:
        """Ping after so long a silence, s."""
        ...

    @property
    def dead_s(self) -> int:
        """Dead after so long without a confirmation, s."""
        ...


class Session(MqttSession):
    """One connection to a broker.

    Attributes:
        packet_bytes_max: The largest packet the broker takes; None if it does not say.
        receive_maximum: How many messages may wait for its PUBACK.
        topic_aliases_max: How many topics the broker remembers by number.
    """

    def __init__(  # noqa: PLR0917 - made in one place
        self,
        settings: Broker,
        client_id: str,
        protocol: aiomqtt.ProtocolVersion = aiomqtt.ProtocolVersion.V5,
        will: aiomqtt.Will | None = None,
        login: tuple[str, Secret] | None = None,
        dialer: Dialer | None = None,
    ) -> None:
        super().__init__(
            settings.host,
            settings.port,
            identifier=client_id,
            protocol=protocol,
            will=will,
            username=None if login is None else login[0],
            password=None if login is None else login[1].read().decode(),
            keepalive=settings.keepalive_s,
            timeout=float(settings.dead_s),
            tls_context=_context(settings),
            max_queued_incoming_messages=_ANSWERS_MAX,
            max_inflight_messages=settings.window,
            socket_options=()
            if dialer
            else (
                (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
                (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, settings.dead_s * 1000),
            ),
            logger=_library_log(),
            **_start(protocol),
        )
        if dialer is not None:
            # What the library itself overrides to connect otherwise; TLS comes after it.
            self._client._create_socket_connection = lambda: dialer.dial(  # type: ignore[method-assign]  # noqa: SLF001
                settings.host, settings.port, float(settings.dead_s)
            )
        self.is_v5 = protocol is aiomqtt.ProtocolVersion.V5
        self.pending_calls_threshold = settings.window + 8
        self.packet_bytes_max: int | None = None
        self.receive_maximum = _RECEIVE_MAXIMUM
        self.topic_aliases_max = 0
        self._aliases: dict[str, int] = {}
        self._refusals: dict[int, str] = {}
        self._patience_s = (lambda _: 0.0) if dialer is None else dialer.patience_s
        self._under_way_bytes = 0

    @property
    def socket(self) -> socket.socket | None:
        """The connection's socket, while it is open."""
        sock = self._client.socket()
        return sock if isinstance(sock, socket.socket) else None

    async def deliver(self, topic: str, data: bytes, timeout_s: float, expiry_s: int | None = None) -> str | None:
        """Publish with QoS 1 and wait for the broker's PUBACK.

        Args:
            topic: Where to; sent once and by number from then on, if the broker remembers topics.
            data: The message.
            timeout_s: How long to wait, beside what sending it, and all that waits before it, may take.
            expiry_s: When the broker may forget it; None never. MQTT 3.1.1 cannot say that.

        Returns:
            Why the broker refused this message; None if it took it.

        Raises:
            aiomqtt.MqttError: The session is over.
        """
        # The packet number that `publish` will draw is the next one; it is drawn before the first wait.
        number = self._client._last_mid % 65_535 + 1  # noqa: SLF001 - no public name for it
        short, properties = self._shortened(topic, expiry_s)
        # A small message behind a large one is answered when that one is through.
        self._under_way_bytes += len(data)
        wait_s = timeout_s + self._patience_s(self._under_way_bytes)
        try:
            await self.publish(short, data, qos=1, properties=properties, timeout=wait_s)
        finally:
            self._under_way_bytes -= len(data)
        return self._refusals.pop(number, None)

    def _shortened(self, topic: str, expiry_s: int | None) -> tuple[str, Properties | None]:
        if not self.is_v5:
            return topic, None
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        if expiry_s is not None:
            properties.MessageExpiryInterval = expiry_s
        alias = self._aliases.get(topic)
        if alias is None and len(self._aliases) < self.topic_aliases_max:
            # Packets go out in the order of these calls, so the number is known before it is used alone.
            properties.TopicAlias = self._aliases[topic] = len(self._aliases) + 1
        elif alias is not None:
            properties.TopicAlias = alias
            topic = ""
        return topic, properties

    def _on_connect(
        self,
        client: PahoClient,
        userdata: Any,  # noqa: ANN401 - the library's callback signature
        flags: ConnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        self.receive_maximum = getattr(properties, "ReceiveMaximum", _RECEIVE_MAXIMUM)
        self.packet_bytes_max = getattr(properties, "MaximumPacketSize", None)
        self.topic_aliases_max = getattr(properties, "TopicAliasMaximum", 0)
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_publish(
        self,
        client: PahoClient,
        userdata: Any,  # noqa: ANN401
        mid: int,
        reason_code: ReasonCode,
        properties: Properties,
    ) -> None:
        if reason_code.value >= _FAILED:
            self._refusals[mid] = str(reason_code)
        super()._on_publish(client, userdata, mid, reason_code, properties)


def _library_log() -> logging.Logger:
    """Give the library's own log, in which the loss of a connection is no error: it is daily life on a bad network.

    Whoever sends more than we read fills no log: that messages were dropped is told once a minute, with their number.
    """
    log = _LOG.getChild("library")
    log.addFilter(_lost_is_no_error)
    log.addFilter(_seldom)
    return log


def _lost_is_no_error(record: logging.LogRecord) -> bool:
    if record.levelno == logging.ERROR and str(record.msg).startswith(_LOST):
        record.levelno, record.levelname = logging.WARNING, logging.getLevelName(logging.WARNING)
    return True


def _seldom(record: logging.LogRecord) -> bool:
    if not str(record.msg).startswith(_FULL):
        return True
    suppressed = _DROPPED.admit(_FULL, monotonic_ns())
    if suppressed:
        record.msg = f"{record.msg} suppressed={suppressed}"
    return suppressed is not None


def _start(protocol: aiomqtt.ProtocolVersion) -> dict[str, Any]:
    """Give what makes a session begin with nothing, in the words of each version."""
    if protocol is not aiomqtt.ProtocolVersion.V5:
        return {"clean_session": True}
    limits = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    limits.MaximumPacketSize = MESSAGE_BYTES_MAX
    limits.ReceiveMaximum = _ANSWERS_AT_ONCE
    return {"clean_start": True, "properties": limits}


def is_too_new(error: BaseException) -> bool:
    """Tell whether a broker has refused a session because it does not know this version of MQTT."""
    if not isinstance(error, aiomqtt.MqttCodeError) or error.rc is None:
        return False
    code = error.rc if isinstance(error.rc, int) else error.rc.value
    return code in (_UNSUPPORTED_V5, _UNSUPPORTED_V3)


def _context(settings: Broker) -> ssl.SSLContext:
    context = client_context(settings.ca, settings.certificate, settings.key)
    context.sslsocket_class = ClosedOnFailure
    return context


@asynccontextmanager
async def connected(
    settings: Broker,
    client_id: str,
    protocol: aiomqtt.ProtocolVersion = aiomqtt.ProtocolVersion.V5,
    *,
    will: aiomqtt.Will | None = None,
    login: tuple[str, Secret] | None = None,
    is_polite: bool = True,
    dialer: Dialer | None = None,
) -> AsyncIterator[Session]:
    """Open a session and close it again.

    Args:
        settings: Of the link.
        client_id: Who we are to the broker.
        protocol: Version of MQTT.
        will: What the broker says when we are gone.
        login: User name and password.
        dialer: Opens the connection; None: the library itself.
        is_polite: Whether a DISCONNECT is sent at the end; without one the broker publishes the will.

    Raises:
        aiomqtt.MqttError: The broker cannot be reached, is not who it should be, or refuses.
        IsolaneError: A certificate, key or secret cannot be read any more.
    """
    async with held(Session(settings, client_id, protocol, will, login, dialer), is_polite=is_polite) as session:
        yield session
