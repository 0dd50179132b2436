"""This file tests the alerts as they run in the center; it guards that engine, queue and way out go by themselves."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from isolane.center.alerts.desk import AlertDesk
from isolane.center.alerts.settings import AlertsSettings, WebhookSettings
from isolane.config.values import Secret
from isolane.core.failures import IsolaneError
from support.alert_targets import Hook
from support.broker import make_pki


class World(Protocol):
    """What these tests use of the fixture."""

    now_ms: int
    alerts: Any
    catalogue: Any
    telemetry: Any

    async def send(self, values: dict[str, list[float | None]], **how: Any) -> None: ...  # noqa: ANN401


@pytest.fixture
def hooked(tmp_path: Path) -> Callable[[Hook], AlertsSettings]:
    def make(hook: Hook) -> AlertsSettings:
        (tmp_path / "key").write_bytes(b"k" * 32)
        secret = Secret("file:key", tmp_path)
        way = WebhookSettings(
            name="hook",
            url=f"https://localhost:{hook.port}/",
            secret=secret,
            ca=hook.pki.ca,
            allow=("127.0.0.0/8", "::1/128"),
        )
        return AlertsSettings(webhook=(way,), interval_s=0.05)

    return make


async def test_a_hot_contact_reaches_the_receiver_by_itself(
    world: World, hooked: Callable[[Hook], AlertsSettings], tmp_path: Path
) -> None:
    hook = Hook(make_pki(tmp_path, "gw-1"))
    await hook.start()
    desk = AlertDesk(hooked(hook), world.alerts, world.catalogue, world.telemetry)
    assert list(desk.tasks) == ["alerts", "alerts to hook"]
    running = [asyncio.ensure_future(run()) for run in desk.tasks.values()]
    world.now_ms = time.time_ns() // 1_000_000
    await world.send({"CP-1": [95.0]})
    async with asyncio.timeout(30):
        while not hook.posted:
            await asyncio.sleep(0.02)
    (alert,) = await world.alerts.standing()
    assert (alert.rule, alert.level) == ("contact-stop", 4)
    registry = CollectorRegistry()
    registry.register(desk.gauges)
    page = generate_latest(registry).decode()
    assert "isolane_center_alert_opened_total 1.0" in page
    assert 'isolane_center_alert_deliveries_total{outcome="given_up",way="hook"} 0.0' in page
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    await desk.close()
    await hook.stop()


def test_a_wrong_rules_file_is_told_before_the_center_starts(world: World, tmp_path: Path) -> None:
    settings = AlertsSettings(rules=tmp_path / "none.toml")
    with pytest.raises(IsolaneError, match="cannot read"):
        AlertDesk(settings, world.alerts, world.catalogue, world.telemetry)
