"""This file is a center that dies while it tells of an alert; it guards that the moment is exact.

Arguments: data folder, moment (``decided``: the alert is durable, nothing told; ``told``: the receiver has taken it,
nothing noted), webhook URL, CA file, file with the key.
"""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

from isolane.center.alerts.courier import Courier
from isolane.center.alerts.desk import make_ways
from isolane.center.alerts.settings import AlertsSettings, WebhookSettings
from isolane.center.store.alert_book import SqlAlerts
from isolane.center.store.alert_port import Decisions, Opening
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.database import open_database
from isolane.config.values import Secret

OPENING = Opening("hot", "charger/depot/CP-1", "depot", "CP-1", "", 4, "Hot", "91 °C", "It melts", "Clean", "Cable")


def hook_settings(url: str, ca: Path, key: Path) -> AlertsSettings:
    """Give the settings with one webhook on loopback."""
    hook = WebhookSettings(
        name="hook", url=url, secret=Secret(f"file:{key}", key.parent), ca=ca, allow=("127.0.0.0/8", "::1/128")
    )
    return AlertsSettings(webhook=(hook,))


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class _DyingAlerts(SqlAlerts):
    """Dies when the receiver has taken a message, before that is noted."""

    async def settle(self, number: int, outcome: str, *, delivered: bool, now_ms: int) -> None:
        """Die."""
        del number, outcome, delivered, now_ms
        _die()


async def _main(folder: Path, moment: str, settings: AlertsSettings) -> None:
    alerts = _DyingAlerts(SqlCatalogue(open_database(folder / "catalogue.sqlite3")))
    ((out, way),) = make_ways(settings)
    now_ms = time.time_ns() // 1_000_000
    await alerts.decide(Decisions(openings=[OPENING]), (out,), now_ms)
    if moment == "decided":
        _die()
    await Courier(out, way, alerts, settings).carry(now_ms)


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), sys.argv[2], hook_settings(sys.argv[3], Path(sys.argv[4]), Path(sys.argv[5]))))
