"""This file posts alerts as signed JSON; it guards that only whom the settings name is reached, and nobody he names.

The body is JSON; ``X-Isolane-Signature: t=<unix s>,v1=<hex>`` is HMAC-SHA256 over ``<t>.<body>`` with the shared key.
``X-Isolane-Delivery`` is the same at every attempt: a receiver that keeps the last ones takes each message once. There
is no way for us to know of an answer that was lost: delivery is at least once, with a key to make it once.
Redirects are not followed, proxies of the environment not used.
"""

import hashlib
import hmac
import time
from collections.abc import Sequence

import httpx
import msgspec

from isolane.center.alerts.addresses import RefusedAddressError, parse_networks, parse_target, resolve
from isolane.center.alerts.answers import judge, reason
from isolane.center.alerts.settings import WebhookSettings
from isolane.center.alerts.ways import AgainError, HopelessError, link
from isolane.center.store.alert_views import Alert, AlertMessage
from isolane.core.failures import IsolaneError
from isolane.security.event_lines import EventLines, Kind
from isolane.security.tls import client_context

_KEY_BYTES_MIN = 16


class _Body(msgspec.Struct, frozen=True):
    """What is posted."""

    delivery: str
    event: str
    at_ms: int
    url: str
    alert: Alert


def sign(key: bytes, at_s: int, body: bytes) -> str:
    """Give the signature header's value."""
    mac = hmac.new(key, b"%d." % at_s + body, hashlib.sha256).hexdigest()
    return f"t={at_s},v1={mac}"


class Webhook:
    """See `Way`.

    Args:
        settings: See there.
        console_url: For links.
        events: Are told of names that lead where nothing may be posted to.

    Raises:
        IsolaneError: The URL, a network, the secret or the CA cannot be used.
    """

    repeat_s = None

    def __init__(self, settings: WebhookSettings, console_url: str, events: EventLines | None = None) -> None:
        place = f"[center.alerts.webhook] {settings.name}"
        self._name = settings.name
        self._events = events or EventLines()
        self._target = parse_target(f"{place}: url", settings.url)
        self._allow = parse_networks(f"{place}: allow", settings.allow)
        self._console_url = console_url
        try:
            self._key = settings.secret.read()
        except ValueError as error:
            raise IsolaneError(f"{place}: secret: {error}", "make one with `openssl rand -hex 32`") from error
        if len(self._key) < _KEY_BYTES_MIN:
            raise IsolaneError(f"{place}: the secret is shorter than {_KEY_BYTES_MIN} bytes", "make a longer one")
        self._client = httpx.AsyncClient(
            verify=client_context(settings.ca), timeout=settings.timeout_s, follow_redirects=False, trust_env=False
        )

    async def deliver(self, message: AlertMessage) -> str:
        """See `Way.deliver`."""
        delivery = f"{self._name}-{message.number}"
        content = _Body(
            delivery, message.event, message.at_ms, link(self._console_url, message.alert.number), message.alert
        )
        body = msgspec.json.encode(content)
        try:
            address = await resolve(self._target, self._allow)
        except RefusedAddressError as error:
            if error.address:
                self._events.report(Kind.ADDRESS, peer=error.address, detail=f"webhook {self._name}: {error}")
            raise HopelessError(str(error)) from error
        except OSError as error:
            raise AgainError(f"{self._target.host} cannot be resolved: {error}") from error
        headers = {
            "Host": self._target.authority,
            "Content-Type": "application/json",
            "User-Agent": "isolane",
            "X-Isolane-Delivery": delivery,
            "X-Isolane-Signature": sign(self._key, int(time.time()), body),
        }
        # The certificate is checked against the name, the connection goes to the address that was judged.
        extensions = {"sni_hostname": self._target.host}
        try:
            async with self._client.stream(
                "POST", self._target.url_at(address), content=body, headers=headers, extensions=extensions
            ) as answer:
                return judge(answer.status_code)
        except httpx.HTTPError as error:
            raise reason(error) from error

    async def repeat(self, alerts: Sequence[Alert], now_ms: int) -> None:
        """See `Way.repeat`; once is enough."""

    async def close(self) -> None:
        """See `Way.close`."""
        await self._client.aclose()
