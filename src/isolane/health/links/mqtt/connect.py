"""This file opens broker sessions; it guards that no session, however it ended, leaves a socket behind.

aiomqtt keeps some things to itself that a link needs: what the broker's CONNACK allows, the reason code of a PUBACK, an
end before the CONNACK, and the socket. `Session` takes them from its callbacks; the lock pins the library's version.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiomqtt
from aiomqtt.types import PahoSocket
from paho.mqtt.client import Client as PahoClient
from paho.mqtt.client import ConnectFlags, DisconnectFlags
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from isolane.health.links.mqtt.settings import MqttSettings
from isolane.security.tls import client_context
from isolane.wire.uplink import MESSAGE_BYTES_MAX

_LOG = logging.getLogger(__name__)
_ANSWERS_MAX = 1000
"""Answers waiting to be read; more are lost, and what they acknowledged is sent again."""
_RECEIVE_MAXIMUM = 65_535
"""What a broker that does not say allows. Source: MQTT 5.0, 3.2.2.3.3."""
_FAILED = 0x80


class Session(aiomqtt.Client):
    """One connection to a broker.

    Attributes:
        packet_bytes_max: The largest packet the broker takes; None if it does not say.
        receive_maximum: How many messages may wait for its PUBACK.
    """

    def __init__(self, settings: MqttSettings, client_id: str) -> None:
        limits = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        limits.MaximumPacketSize = MESSAGE_BYTES_MAX
        super().__init__(
            settings.host,
            settings.port,
            identifier=client_id,
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=True,
            keepalive=settings.keepalive_s,
            timeout=float(settings.dead_s),
            properties=limits,
            tls_context=_context(settings),
            max_queued_incoming_messages=_ANSWERS_MAX,
            max_inflight_messages=settings.window,
            socket_options=(
                (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
                (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, settings.dead_s * 1000),
            ),
            logger=_LOG,
        )
        self.pending_calls_threshold = settings.window + 8
        self.packet_bytes_max: int | None = None
        self.receive_maximum = _RECEIVE_MAXIMUM
        self._refusals: dict[int, str] = {}

    @property
    def socket(self) -> socket.socket | None:
        """The connection's socket, while it is open."""
        sock = self._client.socket()
        return sock if isinstance(sock, socket.socket) else None

    async def deliver(self, topic: str, data: bytes, timeout_s: float) -> str | None:
        """Publish with QoS 1 and wait for the broker's PUBACK.

        Returns:
            Why the broker refused this message; None if it took it.

        Raises:
            aiomqtt.MqttError: The session is over.
        """
        # The packet number that `publish` will draw is the next one; it is drawn before the first wait.
        number = self._client._last_mid % 65_535 + 1  # noqa: SLF001 - no public name for it
        await self.publish(topic, data, qos=1, timeout=timeout_s)
        return self._refusals.pop(number, None)

    def abort(self) -> None:
        """Close the socket, whatever state the session is in."""
        self._client._sock_close()  # noqa: SLF001 - a session that never came up has no public way to be closed

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
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_disconnect(
        self,
        client: PahoClient,
        userdata: Any,  # noqa: ANN401
        flags: DisconnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        if not self._connected.done():
            # In TLS 1.3 a broker refuses a certificate after the handshake; without this the wait would run to its end.
            self._connected.set_exception(aiomqtt.MqttError(f"the broker ended the connection at once: {reason_code}"))
        super()._on_disconnect(client, userdata, flags, reason_code, properties)

    def _on_socket_register_write(
        self,
        client: PahoClient,
        userdata: Any,  # noqa: ANN401, ARG002 - the library's callback signature
        sock: PahoSocket,
    ) -> None:
        # The library's own would watch a number that, by the time the loop gets to it, may be closed or another's.
        self._loop.call_soon_threadsafe(self._await_writable, client, sock)

    def _await_writable(self, client: PahoClient, sock: PahoSocket) -> None:
        if sock.fileno() >= 0:
            self._loop.add_writer(sock.fileno(), self._write, client)

    def _write(self, client: PahoClient) -> None:
        try:
            client.loop_write()
        except OSError as error:
            if not self._disconnected.done():
                self._disconnected.set_exception(error)

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


class _ClosedOnFailure(ssl.SSLSocket):
    """A TLS socket that the library, which forgets to, need not close when the handshake fails."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - the signature of ssl.SSLSocket
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def _context(settings: MqttSettings) -> ssl.SSLContext:
    context = client_context(settings.ca, settings.certificate, settings.key)
    context.sslsocket_class = _ClosedOnFailure
    return context


@asynccontextmanager
async def connected(settings: MqttSettings, client_id: str) -> AsyncIterator[Session]:
    """Open a session and close it again.

    Raises:
        aiomqtt.MqttError: The broker cannot be reached, is not who it should be, or refuses.
        IsolaneError: A certificate or key cannot be read any more.
    """
    session = Session(settings, client_id)
    opening = asyncio.ensure_future(session.__aenter__())
    try:
        await asyncio.shield(opening)
    except asyncio.CancelledError:
        # The library connects in a thread that cannot be stopped; what it opens is closed when it is done.
        opening.add_done_callback(lambda _: session.abort())
        raise
    except BaseException:
        session.abort()
        raise
    try:
        yield session
    finally:
        try:
            await session.__aexit__(None, None, None)
        finally:
            session.abort()
