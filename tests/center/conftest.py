"""This file opens stores for the center's tests; it guards that everything opened is closed."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.database import open_database
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.settings import StoreSettings
from support.gateways import FakeGateway

OpenTelemetry = Callable[..., EmbeddedTelemetry]
OpenCatalogue = Callable[[], SqlCatalogue]


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
async def open_telemetry(tmp_path: Path) -> AsyncIterator[OpenTelemetry]:
    """Opens the telemetry store of the test's folder, again after closing it; blocks are old after 1 min."""
    opened: list[EmbeddedTelemetry] = []

    def open_one(settings: StoreSettings | None = None) -> EmbeddedTelemetry:
        store = EmbeddedTelemetry(tmp_path / "telemetry", settings or StoreSettings(hot_minutes=1))
        opened.append(store)
        return store

    yield open_one
    for store in opened:
        await store.close()


@pytest.fixture
async def open_catalogue(tmp_path: Path) -> AsyncIterator[OpenCatalogue]:
    """Opens the catalogue of the test's folder."""
    opened: list[SqlCatalogue] = []

    def open_one() -> SqlCatalogue:
        store = SqlCatalogue(open_database(tmp_path / "catalogue.sqlite3"))
        opened.append(store)
        return store

    yield open_one
    for store in opened:
        await store.close()
