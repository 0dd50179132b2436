"""This file subscribes at a broker; it guards that what a broker sends too much of is lost instead of kept."""

import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiomqtt
from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from isolane.health.sources import secrets
from isolane.health.sources.mqtt.settings import MqttSourceSettings
from isolane.security.tls import client_context
from isolane.wire.mqtt_session import ClosedOnFailure, MqttSession

_log = logging.getLogger(__name__ + ".library")
_log.setLevel(logging.CRITICAL)
# What it would say is counted here: in a flood it writes a line for each message that it cannot keep.

_WAITING_MAX = 1000
"""Messages waiting to be read; more are lost, newest first."""
_HEADER_BYTES = 1024
"""Topic and properties beside the payload."""


class Session(MqttSession):
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
        with secrets.needed(settings.name):
            if settings.password is not None:
                self._password = settings.password.read().decode()
        if settings.tls:
            self._context = client_context(settings.ca, settings.certificate, settings.key)
            self._context.sslsocket_class = ClosedOnFailure

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Session]:
        """Open a session and close it again.

        Raises:
            aiomqtt.MqttError: The broker cannot be reached, is not who it should be, or refuses.
        """
        session = Session(self._settings, self._password, self._context)
        await session.open()
        try:
            yield session
        finally:
            session.leave()
