"""This file subscribes at a broker; it guards that no session, however it ended, leaves a socket behind.

The library connects in a thread that cannot be stopped, and keeps to itself an end before the broker's answer: both are
seen to here.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiomqtt
from aiomqtt.types import PahoSocket
from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY, DisconnectFlags
from paho.mqtt.client import Client as PahoClient
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from isolane.core.failures import IsolaneError
from isolane.health.sources.mqtt.settings import MqttSourceSettings
from isolane.security.tls import client_context

_log = logging.getLogger(__name__ + ".library")
_log.setLevel(logging.CRITICAL)
# What it would say is counted here: in a flood it writes a line for each message that it cannot keep.

_WAITING_MAX = 1000
"""Messages waiting to be read; more are lost, newest first."""
_HEADER_BYTES = 1024
"""Topic and properties beside the payload."""


class Session(aiomqtt.Client):
    """One connection to a broker."""

    def __init__(self, settings: MqttSourceSettings, password: str | None, context: ssl.SSLContext | None) -> None:
        modern = settings.version == "5"
        limits = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        limits.MaximumPacketSize = settings.payload_bytes_max + _HEADER_BYTES
        super().__init__(
            settings.address.host,
            settings.address.port,
            username=settings.user or None,
            password=password,
            identifier=settings.client_id or None,
            protocol=aiomqtt.ProtocolVersion.V5 if modern else aiomqtt.ProtocolVersion.V311,
            clean_start=True if modern else MQTT_CLEAN_START_FIRST_ONLY,
            clean_session=None if modern else True,
            keepalive=settings.keepalive_s,
            timeout=settings.timeout_s,
            properties=limits if modern else None,
            tls_context=context,
            max_queued_incoming_messages=_WAITING_MAX,
            logger=_log,
        )
        self._client.connect_timeout = settings.timeout_s

    def leave(self) -> None:
        """Say farewell and close, without waiting for the broker: one that hangs would hold up a stop."""
        if not self._disconnected.done():
            self._disconnected.set_result(None)
        self._client.disconnect()
        self.abort()

    async def give_up(self, opening: "asyncio.Future[Any]") -> None:
        """Stop waiting for a session that is being opened, and see to it that its socket is closed."""
        if self._client.socket() is None:
            # The library is connecting in a thread that cannot be stopped; what it opens is closed when it is done.
            opening.add_done_callback(self._opened_too_late)
            return
        opening.cancel()
        await asyncio.wait({opening})
        self._opened_too_late(opening)

    def _opened_too_late(self, opening: "asyncio.Future[Any]") -> None:
        if not opening.cancelled():
            opening.exception()  # looked at, so that it is not reported as never seen
        self.abort()

    def abort(self) -> None:
        """Close the socket, whatever state the session is in."""
        self._client._sock_close()  # noqa: SLF001 - a session that never came up has no public way to be closed

    def _on_disconnect(
        self,
        client: PahoClient,
        userdata: Any,  # noqa: ANN401 - the library's callback signature
        flags: DisconnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        if not self._connected.done():
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


class _ClosedOnFailure(ssl.SSLSocket):
    """A TLS socket that the library, which forgets to, need not close when the handshake fails."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - the signature of ssl.SSLSocket
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


class Broker:
    """Where to subscribe, with secrets and certificates read once.

    Args:
        settings: The source's table.

    Raises:
        IsolaneError: A secret or certificate cannot be read.
    """

    def __init__(self, settings: MqttSourceSettings) -> None:
        self._settings = settings
        self._password: str | None = None
        self._context: ssl.SSLContext | None = None
        try:
            if settings.password is not None:
                self._password = settings.password.read().decode()
        except ValueError as error:
            raise IsolaneError(f"source {settings.name!r}: {error}", "put the secret where the table says") from error
        if settings.tls:
            self._context = client_context(settings.ca, settings.certificate, settings.key)
            self._context.sslsocket_class = _ClosedOnFailure

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Session]:
        """Open a session and close it again.

        Raises:
            aiomqtt.MqttError: The broker cannot be reached, is not who it should be, or refuses.
        """
        session = Session(self._settings, self._password, self._context)
        opening = asyncio.ensure_future(session.__aenter__())
        try:
            await asyncio.shield(opening)
        except asyncio.CancelledError:
            await session.give_up(opening)
            raise
        except BaseException:
            session.abort()
            raise
        try:
            yield session
        finally:
            session.leave()
