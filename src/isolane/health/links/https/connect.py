"""This file makes the HTTP client; it guards that nothing but the settings says where telemetry goes.

No proxy from the environment, no redirect followed, one connection, kept as long as the center keeps it.
"""

import socket

import httpx

from isolane.health.links.https.settings import HttpsSettings
from isolane.security.tls import client_context

_KEPT_S = 600.0


def client(settings: HttpsSettings) -> httpx.AsyncClient:
    """Make the client; close it with `aclose`.

    Raises:
        IsolaneError: A certificate or key cannot be read.
    """
    transport = httpx.AsyncHTTPTransport(
        verify=client_context(settings.ca, settings.certificate, settings.key),
        trust_env=False,
        limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=_KEPT_S),
        socket_options=[
            (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
            (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, settings.dead_s * 1000),
        ],
    )
    return httpx.AsyncClient(
        base_url=settings.url,
        transport=transport,
        trust_env=False,
        follow_redirects=False,
        timeout=httpx.Timeout(settings.timeout_s),
        headers={"accept-encoding": "identity", "user-agent": "isolane"},
    )
