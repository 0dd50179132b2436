"""This file fetches one page; it guards that whatever the server does ends in time and in memory, as body or reason.

Redirects are not followed: a device that sends the gateway elsewhere is not the device that was named.
"""

import asyncio
from collections import Counter

import httpx

from isolane.core.samples import Reason
from isolane.health.sources import secrets
from isolane.health.sources.http_json.settings import HttpJsonSettings
from isolane.security.tls import client_context

_OK = 200


class Page:
    """A URL and a connection to its server that is kept open between reads.

    Args:
        settings: The source's table.

    Raises:
        IsolaneError: A secret or the CA cannot be read.
    """

    def __init__(self, settings: HttpJsonSettings) -> None:
        self.counts: Counter[str] = Counter()
        self._settings = settings
        self._headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        self._auth = _auth(settings, self._headers)
        self._context = client_context(settings.ca)
        self._client: httpx.AsyncClient | None = None

    async def fetch(self) -> bytes | Reason:
        """Read the page once, within the table's bounds."""
        if self._client is None:
            self._client = httpx.AsyncClient(
                verify=self._context,
                auth=self._auth,
                headers=self._headers,
                timeout=self._settings.timeout_s,
                limits=httpx.Limits(max_connections=1, keepalive_expiry=60),
                trust_env=False,
            )
        self.counts["requests"] += 1
        reason = Reason.NONE
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                return await self._get(self._client)
        except (TimeoutError, httpx.TimeoutException):
            reason = Reason.TIMEOUT
        except httpx.RemoteProtocolError as error:
            # The library has one word for a server that speaks nonsense and for one that goes in mid-sentence.
            gone = any(word in str(error) for word in ("disconnected", "closed connection"))
            reason = Reason.DISCONNECTED if gone else Reason.MALFORMED
        except (httpx.HTTPError, OSError):
            reason = Reason.DISCONNECTED
        await self.close()  # what a broken exchange left in the connection belongs to no next one
        self.counts[reason.name.lower()] += 1
        return reason

    async def _get(self, client: httpx.AsyncClient) -> bytes | Reason:
        body = bytearray()
        async with client.stream("GET", self._settings.url) as response:
            if response.status_code != _OK:
                self.counts["refused"] += 1
                return Reason.REFUSED
            async for part in response.aiter_raw():
                body += part
                if len(body) > self._settings.body_bytes_max:
                    self.counts["oversize"] += 1
                    return Reason.MALFORMED
        self.counts["answers"] += 1
        return bytes(body)

    async def close(self) -> None:
        """Close the connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


def _auth(settings: HttpJsonSettings, headers: dict[str, str]) -> httpx.BasicAuth | None:
    with secrets.needed(settings.name):
        if settings.token is not None:
            headers["Authorization"] = "Bearer " + settings.token.read().decode("ascii")
        if settings.password is not None:
            return httpx.BasicAuth(settings.user, settings.password.read())
    return None
