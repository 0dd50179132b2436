"""This file opens a test's own sessions with a broker; it guards that each socket is closed, however its session ends.

On a busy machine a session may break, or be given up, before the broker has answered it.
"""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiomqtt

from isolane.wire.mqtt_session import ClosedOnFailure, MqttSession, held


@asynccontextmanager
async def joined(
    port: int, tls: ssl.SSLContext, host: str = "127.0.0.1", identifier: str | None = None, timeout_s: float = 10.0
) -> AsyncIterator[MqttSession]:
    """Hold one session of MQTT 5.

    Raises:
        aiomqtt.MqttError: The broker is not there, or has gone.
    """
    tls.sslsocket_class = ClosedOnFailure
    session = MqttSession(
        host,
        port,
        identifier=identifier,
        protocol=aiomqtt.ProtocolVersion.V5,
        tls_context=tls,
        timeout=timeout_s,
    )
    async with held(session):
        yield session
