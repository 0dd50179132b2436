"""This file posts to a target and judges its answer; it guards that only the target's own success counts as one.

A redirect, a captive portal's page with status 200, a proxy's demand: none of them acknowledges anything. One kept
connection, no proxy from the environment, no redirect followed. A whole request is bounded in time, so that a target
that drips its answer holds nobody up.

4xx means that this message will never be taken, except where it speaks of us or of now and not of the message: a wrong
token or path, a proxy, too many requests. Those are tried again, as is every 5xx.
"""

import asyncio
import base64
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Self

import httpx

from isolane.core.failures import IsolaneError
from isolane.health.links.counts import LinkCounts
from isolane.health.links.http_way import transport
from isolane.health.links.outcome import Outcome, Verdict
from isolane.health.links.target import HttpTargetSettings
from isolane.health.links.traffic import Meter
from isolane.health.links.way import Way
from isolane.security.tls import client_context

ANSWER_BYTES_MAX = 65_536
_KEPT_S = 600.0
_RETRY_AFTER_S_MAX = 600.0
"""However long a target asks us to wait, this long is as good; it may have meant another clock."""
_NOT_THE_MESSAGE = frozenset({401, 403, 404, 405, 407, 408, 421, 423, 425, 426, 429, 451})
_CLIENT_ERROR, _SERVER_ERROR = 400, 500
_SAID_CHARS_MAX = 200

Judge = Callable[[httpx.Response, bytes], str]
"""Says why a 2xx is not the target's own success, "" if it is."""


def is_empty(response: httpx.Response, body: bytes) -> str:
    """Judge a target whose success has no body."""
    return f"status {response.status_code} with a body" if body else ""


class Poster:
    """One target's HTTP client, open inside `async with`.

    Args:
        settings: Of the link.
        counts: Of the link.
        scheme: Word before the token in the header Authorization.
        way: The way out; None: by itself.
    """

    def __init__(
        self, settings: HttpTargetSettings, counts: LinkCounts, scheme: str = "Bearer", way: Way | None = None
    ) -> None:
        client_context(settings.ca, settings.certificate, settings.key)
        self._settings = settings
        self._scheme = scheme
        self._counts = counts
        self._way = way
        self._meter = Meter(counts)
        self._headers = _headers(settings, scheme)

    async def __aenter__(self) -> Self:
        """Open the client.

        Raises:
            IsolaneError: A certificate, key or secret cannot be read.
        """
        settings = self._settings
        self._headers = _headers(settings, self._scheme)
        context = client_context(settings.ca, settings.certificate, settings.key)
        made = transport(self._way, self._counts, settings.dead_s, context, _KEPT_S)
        self._client = httpx.AsyncClient(
            transport=made, trust_env=False, follow_redirects=False, timeout=settings.timeout_s
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self._client.aclose()

    async def post(
        self,
        body: bytes,
        headers: Mapping[str, str],
        *,
        url: str = "",
        params: Mapping[str, str] | None = None,
        judge: Judge = is_empty,
    ) -> Outcome:
        """Post once and judge the answer; raises for nothing the outside world does.

        Args:
            body: What is posted.
            headers: Beside those of the settings.
            url: Other than that of the settings.
            params: Query.
            judge: Says why a 2xx is not the target's own.
        """
        try:
            async with (
                asyncio.timeout(self._settings.timeout_s),
                self._client.stream(
                    "POST",
                    url or self._settings.url,
                    content=body,
                    params=params,
                    headers={**self._headers, **headers},
                ) as response,
            ):
                try:
                    answer = await _body(response)
                finally:
                    self._read_meter(response)
        except TimeoutError:
            return Outcome(Verdict.FAILED, f"no answer within {self._settings.timeout_s:g} s", len(body))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Outcome(Verdict.FAILED, f"{type(error).__name__}: {error}", len(body))
        return _judged(response, answer, judge, len(body))

    def _read_meter(self, response: httpx.Response) -> None:
        stream = response.extensions.get("network_stream")
        connection = stream.get_extra_info("socket") if stream is not None else None
        if connection is not None:
            self._meter.read(connection)


def _headers(settings: HttpTargetSettings, scheme: str) -> dict[str, str]:
    headers = {"accept-encoding": "identity", "user-agent": "isolane", **settings.headers}
    try:
        if settings.token is not None:
            headers["authorization"] = f"{scheme} {settings.token.read().decode()}"
        if settings.user is not None and settings.password is not None:
            login = settings.user.encode() + b":" + settings.password.read()
            headers["authorization"] = f"Basic {base64.b64encode(login).decode()}"
    except ValueError as error:
        raise IsolaneError(
            f"a link's secret cannot be read: {error}", "check the reference in the link's table"
        ) from error
    return headers


async def _body(response: httpx.Response) -> bytes | None:
    """Read a bounded body; None if it is longer."""
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > ANSWER_BYTES_MAX:
            return None
    return bytes(body)


def _judged(response: httpx.Response, answer: bytes | None, judge: Judge, size: int) -> Outcome:
    status = response.status_code
    if response.is_success:
        why = f"status {status} with an endless body" if answer is None else judge(response, answer)
        return Outcome(Verdict.FAILED, why, size, is_garbage=True) if why else Outcome(Verdict.TAKEN, size=size)
    said = (answer or b"")[:_SAID_CHARS_MAX].decode("utf-8", "backslashreplace")
    why = f"status {status} {said!r}" if said else f"status {status}"
    if _CLIENT_ERROR <= status < _SERVER_ERROR and status not in _NOT_THE_MESSAGE:
        return Outcome(Verdict.REFUSED, why, size)
    return Outcome(
        Verdict.FAILED,
        why,
        size,
        retry_after_s=_retry_after_s(response.headers.get("retry-after", "")),
        is_about_this=status == httpx.codes.INTERNAL_SERVER_ERROR,
    )


def _retry_after_s(text: str) -> float:
    """Read the header Retry-After: seconds or a date. Source: RFC 9110, 10.2.3."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(float(text), _RETRY_AFTER_S_MAX)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    # What says no zone means UTC.
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(0.0, (moment - datetime.now(UTC)).total_seconds()), _RETRY_AFTER_S_MAX)
