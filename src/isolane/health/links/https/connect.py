"""This file makes the HTTP client; it guards that nothing but the settings says where telemetry goes.

No proxy from the environment, no redirect followed, one connection, kept as long as the center keeps it.
"""

import ssl

import httpx

from isolane.health.links.counts import LinkCounts
from isolane.health.links.http_way import transport
from isolane.health.links.https.settings import HttpsSettings
from isolane.health.links.way import Way
from isolane.security.tls import client_context

_KEPT_S = 600.0
_CONNECTIONS = 2
"""One delivers, one waits for errands; without these the second is never opened."""


def client(
    settings: HttpsSettings, counts: LinkCounts, way: Way | None = None, context: ssl.SSLContext | None = None
) -> httpx.AsyncClient:
    """Make the client; close it with `aclose`.

    Args:
        settings: Of the link.
        counts: Of the link.
        way: The way out; None: by itself.
        context: Made from the same settings; None: by itself.

    Raises:
        IsolaneError: A certificate or key cannot be read.
    """
    context = context or client_context(settings.ca, settings.certificate, settings.key)
    return httpx.AsyncClient(
        base_url=settings.url,
        transport=transport(way, counts, settings.dead_s, context, _KEPT_S, _CONNECTIONS),
        trust_env=False,
        follow_redirects=False,
        timeout=httpx.Timeout(settings.timeout_s),
        headers={"accept-encoding": "identity", "user-agent": "isolane"},
    )
