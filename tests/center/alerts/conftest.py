"""This file is a site whose time the test turns; it guards that tests of the engine go through the real store."""

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest

from isolane.center.alerts.engine import AlertEngine
from isolane.center.alerts.rules import Rule
from isolane.center.alerts.settings import AlertsSettings
from isolane.center.store.alert_book import SqlAlerts
from isolane.center.store.alert_port import WayOut
from isolane.center.store.alert_views import Alert
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.health_port import StandingParts
from isolane.center.store.port import Batch
from isolane.core.signals import Signal
from support.gateways import FakeGateway

TEMPERATURE = "1.0/TemperatureSensor[ContactDCplus]/Temperature"
NOW_MS = 1_700_000_000_000
HOOK = WayOut("hook", 0, frozenset({"opened", "escalated"}))


class AlertWorld:
    """Gateways, the store behind them, and an engine; `now_ms` is turned by the test."""

    def __init__(
        self, open_catalogue: Callable[[], SqlCatalogue], open_telemetry: Callable[[], EmbeddedTelemetry]
    ) -> None:
        self._open = (open_catalogue, open_telemetry)
        self.now_ms = NOW_MS
        self.gateways: dict[str, FakeGateway] = {}
        self.open()

    def open(self) -> None:
        """Open the store."""
        self.catalogue, self.telemetry = self._open[0](), self._open[1]()
        self.alerts = SqlAlerts(self.catalogue)

    async def restart(self) -> None:
        """Close and open the store; engines that were made before are dead."""
        await self.catalogue.close()
        await self.telemetry.close()
        self.open()

    def engine(
        self,
        *rules: Rule,
        ways: tuple[WayOut, ...] = (HOOK,),
        parts: StandingParts | None = None,
        **changes: object,
    ) -> AlertEngine:
        """Make an engine that begins to listen now."""
        settings = msgspec.convert(changes, AlertsSettings)
        return AlertEngine(
            self.alerts,
            self.catalogue,
            self.telemetry,
            rules,
            settings,
            parts=parts,
            ways=ways,
            started_ms=self.now_ms,
        )

    async def send(
        self,
        values: dict[str, list[float | None]],
        *,
        key: str = TEMPERATURE,
        unit: str = "Celsius",
        site: str = "depot",
        gateway: str = "gw-1",
        step_s: int = 1,
        age_s: float = 0,
        stale: bool = False,
    ) -> None:
        """Send a block of one signal of some chargers, whose last row is of now, `age_s` earlier; None is BAD."""
        peer = self.gateways.setdefault(gateway, FakeGateway(site, gateway))
        origin = replace(peer.origin(), received_ms=self.now_ms)
        await self.catalogue.admit(origin)
        schema = peer.schema(*(Signal(charger, key, unit, 0.1) for charger in values), received_ms=self.now_ms)
        rows = len(next(iter(values.values())))
        numbers = [[0 if each is None else round(each * 10) for each in row] for row in values.values()]
        codes = [[2 << 2 | 2 if each is None else int(stale) for each in row] for row in values.values()]
        t0_ms = self.now_ms - int(age_s * 1000) - (rows - 1) * step_s * 1000
        block = peer.block(schema.schema, numbers, codes, t0_ms=t0_ms, step_ms=step_s * 1000, received_ms=self.now_ms)
        batch = Batch(blocks=(block,), schemas=(schema,))
        await self.telemetry.commit(batch)
        await self.catalogue.record(batch)

    async def open_alerts(self) -> list[Alert]:
        """Give what is not closed."""
        return [alert for alert in await self.alerts.standing() if alert.closed_ms is None]

    async def rules_open(self) -> list[tuple[str, str]]:
        """Give rule and subject of what is not closed."""
        return [(alert.rule, alert.subject) for alert in await self.open_alerts()]


@pytest.fixture
def world(
    open_catalogue: Callable[[], SqlCatalogue],
    open_telemetry: Callable[[], EmbeddedTelemetry],
) -> AlertWorld:
    return AlertWorld(open_catalogue, open_telemetry)
