"""This file opens stores for the center's tests; it guards that everything opened is closed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from isolane.center.ingest.https import IngestApp
from isolane.center.ingest.peer import PeerProtocol
from isolane.center.serve import WebServer
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.database import open_database
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.settings import StoreSettings
from isolane.config.values import Address
from isolane.security.authority import Authority
from isolane.security.tls import server_context
from support.broker import make_pki
from support.center_process import CenterPki, OpenCenter
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

    def open_one(
        settings: StoreSettings | None = None, kind: type[EmbeddedTelemetry] = EmbeddedTelemetry
    ) -> EmbeddedTelemetry:
        store = kind(tmp_path / "telemetry", settings or StoreSettings(hot_minutes=1))
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


@pytest.fixture
async def center(open_telemetry: OpenTelemetry, open_catalogue: OpenCatalogue) -> AsyncIterator[OpenCenter]:
    """An open store with its intake running."""
    opened = OpenCenter(open_catalogue(), open_telemetry())
    task = asyncio.create_task(opened.intake.run())
    yield opened
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> CenterPki:
    """One CA, a server, a center and two gateways."""
    folder = tmp_path_factory.mktemp("pki")
    made = make_pki(folder, "gw-1")
    return CenterPki(made, Authority(folder).issue("gateway-2", common_name="gw-2"))


@pytest.fixture
async def https_ingest(center: OpenCenter, pki: CenterPki) -> AsyncIterator[int]:
    """The HTTPS listener of the open center; gives its port."""
    tls = server_context(pki.server.certificate, pki.server.key, pki.ca)
    app = IngestApp(center.intake, center.gates, center.suspicions)
    server = WebServer("test", app, Address("127.0.0.1", 0), tls=tls, protocol=PeerProtocol)
    task = asyncio.create_task(server.run())
    yield server.address.port
    server.stop()
    await task
