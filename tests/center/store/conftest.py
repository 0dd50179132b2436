"""This file gives the store's tests a PostgreSQL server, and catalogues in it and in SQLite."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.database import open_catalogue as open_engine
from isolane.center.store.settings import StoreSettings
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
