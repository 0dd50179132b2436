"""This file puts the alerts together; it guards that a wrong rule or way out is told before the center starts."""

import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from isolane.center.alerts.alertmanager import Alertmanager
from isolane.center.alerts.courier import Courier
from isolane.center.alerts.engine import AlertEngine
from isolane.center.alerts.gauges import AlertGauges
from isolane.center.alerts.mail import Mail
from isolane.center.alerts.rules import load_rules
from isolane.center.alerts.settings import AlertsSettings
from isolane.center.alerts.ways import Way
from isolane.center.alerts.webhook import Webhook
from isolane.center.store.alert_port import Alerts, WayOut
from isolane.center.store.command_port import Suspicious
from isolane.center.store.health_port import StandingParts
from isolane.center.store.port import Catalogue, Telemetry
from isolane.core.failures import IsolaneError
from isolane.security.event_lines import EventLines

_OPENED, _ESCALATED = "opened", "escalated"


class AlertDesk:
    """The engine, its ways out and their numbers, put together but not running.

    Args:
        settings: See there.
        alerts: Port of the store.
        catalogue: Port of the store.
        telemetry: Port of the store.
        certificates: Files of the center whose certificates are watched, besides those in the settings.
        parts: Port of the store.
        suspicious: Port of the store.

    Raises:
        IsolaneError: A rule or a way out is wrong.
    """

    def __init__(
        self,
        settings: AlertsSettings,
        alerts: Alerts,
        catalogue: Catalogue,
        telemetry: Telemetry,
        certificates: Iterable[Path] = (),
        *,
        parts: StandingParts | None = None,
        suspicious: Suspicious | None = None,
    ) -> None:
        self.couriers = [Courier(out, way, alerts, settings) for out, way in make_ways(settings)]
        self.engine = AlertEngine(
            alerts,
            catalogue,
            telemetry,
            load_rules(settings.rules),
            settings,
            parts=parts,
            suspicious=suspicious,
            ways=tuple(courier.out for courier in self.couriers),
            certificates=(*certificates, *settings.certificates),
            started_ms=time.time_ns() // 1_000_000,
        )
        self.gauges = AlertGauges(self.engine, self.couriers)
        self.tasks: dict[str, Callable[[], Awaitable[None]]] = {"alerts": self.engine.run}
        for courier in self.couriers:
            self.tasks[f"alerts to {courier.out.name}"] = courier.run

    async def close(self) -> None:
        """Let go of the couriers' connections."""
        for courier in self.couriers:
            await courier.close()


def make_ways(settings: AlertsSettings) -> list[tuple[WayOut, Way]]:
    """Make every way out.

    Raises:
        IsolaneError: One is wrong, or two have one name.
    """
    url, events = settings.console_url, EventLines()
    out: list[tuple[WayOut, Way]] = [
        *((_out(hook.name, hook.level, hook.escalations), Webhook(hook, url, events)) for hook in settings.webhook),
        *((_out(one.name, one.level, False), Alertmanager(one, url)) for one in settings.alertmanager),
        *((_out(mail.name, mail.level, mail.escalations), Mail(mail, url)) for mail in settings.mail),
    ]
    names = [way.name for way, _ in out]
    for name in names:
        if names.count(name) > 1:
            raise IsolaneError(f"[center.alerts] has two ways out called {name!r}", "give each its own name")
    return out


def _out(name: str, level: str, is_told_escalations: bool) -> WayOut:  # noqa: FBT001 - a fact, not a switch
    events = {_OPENED, _ESCALATED} if is_told_escalations else {_OPENED}
    return WayOut(name, int(level[1]), frozenset(events))
