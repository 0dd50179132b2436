"""This file gives the store's tests a PostgreSQL server, and catalogues in it and in SQLite."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.database import open_catalogue as open_engine
from isolane.center.store.settings import StoreSettings, VictoriaSettings
from isolane.center.store.victoria_telemetry import VictoriaTelemetry
from support.broker import Pki, make_pki
from support.metric_servers import VictoriaMetrics
from support.postgres import Postgres, running_postgres

OpenCatalogue = Callable[[], SqlCatalogue]


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A server for all tests; each makes a database of its own."""
    with running_postgres(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture
def in_postgres(postgres: Postgres) -> StoreSettings:
    """Settings of a new database."""
    return StoreSettings(catalogue=postgres.new_database(), catalogue_password=postgres.password)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_settings(request: pytest.FixtureRequest) -> StoreSettings:
    """Settings of a new catalogue of each kind."""
    if request.param == "sqlite":
        return StoreSettings()
    found: StoreSettings = request.getfixturevalue("in_postgres")
    return found


@pytest.fixture
async def open_catalogue(store_settings: StoreSettings, tmp_path: Path) -> AsyncIterator[OpenCatalogue]:
    """Opens the catalogue of the test, of each kind in turn; again after closing it, or beside another worker."""
    opened: list[SqlCatalogue] = []

    def open_one() -> SqlCatalogue:
        opened.append(SqlCatalogue(open_engine(store_settings, tmp_path)))
        return opened[-1]

    yield open_one
    for store in opened:
        await store.close()


@pytest.fixture(scope="session")
def victoria_pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    """Certificates of a metrics server."""
    return make_pki(tmp_path_factory.mktemp("victoria-pki"), "gw-1")


@pytest.fixture
def victoria(tmp_path: Path, victoria_pki: Pki) -> Iterator[VictoriaMetrics]:
    """An empty VictoriaMetrics."""
    folder = tmp_path / "victoria"
    folder.mkdir()
    with VictoriaMetrics(folder, victoria_pki) as server:
        yield server


@pytest.fixture
async def open_victoria(tmp_path: Path, victoria: VictoriaMetrics) -> AsyncIterator[Callable[..., VictoriaTelemetry]]:
    """Opens the telemetry store of the test's folder over VictoriaMetrics, again after closing it."""
    opened: list[VictoriaTelemetry] = []

    class Shown(VictoriaTelemetry):
        """Has what it sends shown at once, which takes some ten seconds otherwise."""

        async def send(self, now_ms: int) -> int:
            sent = await super().send(now_ms)
            await asyncio.to_thread(victoria.get, "/internal/force_flush")
            return sent

    def open_one(settle_s: float = 1) -> VictoriaTelemetry:
        metrics = VictoriaSettings(url=victoria.url, ca=victoria.pki.ca, settle_s=settle_s, timeout_s=10)
        settings = StoreSettings(hot_minutes=1, raw_days=0, telemetry=metrics)
        opened.append(Shown(tmp_path / "telemetry", settings, metrics))
        return opened[-1]

    yield open_one
    for store in opened:
        await store.close()
