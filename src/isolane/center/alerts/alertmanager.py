"""This file tells an Alertmanager; it guards that an alert which ends here ends there.

API v2, ``POST /api/v2/alerts``. Alertmanager holds an alert until `endsAt`, so what is open is told again and again
with an end a little ahead: should the center die, nothing stays red for ever. An alert is known there by its labels,
and telling it twice changes nothing: delivery is exactly once in effect.
"""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec

from isolane.center.alerts.addresses import parse_target
from isolane.center.alerts.answers import judge, reason
from isolane.center.alerts.settings import AlertmanagerSettings
from isolane.center.alerts.ways import link
from isolane.center.store.alert_views import Alert, AlertMessage
from isolane.core.failures import IsolaneError
from isolane.security.tls import client_context

SEVERITIES = ("info", "info", "warning", "error", "critical")
"""The label `severity` by level; docs/reference/alerts.md."""
_LEASES = 5
_AT_ONCE = 200


class Alertmanager:
    """See `Way`.

    Args:
        settings: See there.
        console_url: For links.

    Raises:
        IsolaneError: The URL, the password or the CA cannot be used.
    """

    def __init__(self, settings: AlertmanagerSettings, console_url: str) -> None:
        place = f"[center.alerts.alertmanager] {settings.name}"
        target = parse_target(f"{place}: url", settings.url)
        self._url = f"{target.scheme}://{target.authority}{target.path.rstrip('/')}/api/v2/alerts"
        self.repeat_s: float | None = settings.repeat_s
        self._lease_ms = int(settings.repeat_s * 1000) * _LEASES
        self._console_url = console_url
        self._headers = {"Content-Type": "application/json", "User-Agent": "isolane"}
        if settings.user:
            try:
                password = settings.password.read() if settings.password else b""
            except ValueError as error:
                raise IsolaneError(f"{place}: password: {error}", "write it to that file") from error
            pair = base64.b64encode(settings.user.encode() + b":" + password).decode()
            self._headers["Authorization"] = f"Basic {pair}"
        self._client = httpx.AsyncClient(
            verify=client_context(settings.ca), timeout=settings.timeout_s, follow_redirects=False, trust_env=False
        )

    async def deliver(self, message: AlertMessage) -> str:
        """See `Way.deliver`."""
        ends_ms = message.alert.closed_ms if message.event == "resolved" else None
        now_ms = int(datetime.now(UTC).timestamp() * 1000)
        return await self._post([self._posted(message.alert, ends_ms or now_ms + self._lease_ms)])

    async def repeat(self, alerts: Sequence[Alert], now_ms: int) -> None:
        """See `Way.repeat`."""
        for at in range(0, len(alerts), _AT_ONCE):
            await self._post([self._posted(alert, now_ms + self._lease_ms) for alert in alerts[at : at + _AT_ONCE]])

    async def close(self) -> None:
        """See `Way.close`."""
        await self._client.aclose()

    def _posted(self, alert: Alert, ends_ms: int) -> dict[str, Any]:
        labels = {
            "alertname": alert.rule,
            "level": f"L{alert.level}",
            "severity": SEVERITIES[alert.level],
            "subject": alert.subject,
            "site": alert.site,
            "device": alert.device,
            "signal": alert.signal,
        }
        annotations = {
            "summary": alert.title,
            "seen": alert.seen,
            "why": alert.why,
            "action": alert.action,
            "part": alert.part,
            "number": str(alert.number),
        }
        posted: dict[str, Any] = {
            "labels": {name: text for name, text in labels.items() if text},
            "annotations": {name: text for name, text in annotations.items() if text},
            "startsAt": _stamp(alert.opened_ms),
            "endsAt": _stamp(ends_ms),
        }
        where = link(self._console_url, alert.number)
        return {**posted, "generatorURL": where} if where else posted

    async def _post(self, alerts: list[dict[str, Any]]) -> str:
        try:
            async with self._client.stream(
                "POST", self._url, content=msgspec.json.encode(alerts), headers=self._headers
            ) as answer:
                return judge(answer.status_code)
        except httpx.HTTPError as error:
            raise reason(error) from error


def _stamp(t_ms: int) -> str:
    return datetime.fromtimestamp(t_ms / 1000, UTC).isoformat(timespec="milliseconds")
