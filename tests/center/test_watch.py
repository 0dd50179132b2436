"""This file tests the look at the ledgers; it guards that a database that is away for a while stops nobody."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry

from isolane.center import watch as rules
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.database import open_catalogue
from isolane.center.store.port import Batch
from isolane.center.store.settings import StoreSettings
from isolane.center.watch import LedgerWatch
from support.gateways import FakeGateway
from support.postgres import running_postgres


async def balanced(watch: LedgerWatch) -> None:
    registry = CollectorRegistry()
    registry.register(watch)
    async with asyncio.timeout(20):
        while not registry.get_sample_value("isolane_center_ledger_streams", {"verdict": "balanced"}):
            await asyncio.sleep(0.02)


@pytest.fixture
async def running(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[asyncio.Task[None]]]:
    monkeypatch.setattr(rules, "_INTERVAL_S", 0.05)
    tasks: list[asyncio.Task[None]] = []
    yield tasks
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_it_looks_on_when_the_database_is_back(
    tmp_path_factory: pytest.TempPathFactory,
    gateway: FakeGateway,
    running: list[asyncio.Task[None]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with running_postgres(tmp_path_factory.mktemp("postgres")) as server:
        settings = StoreSettings(catalogue=server.new_database(), catalogue_password=server.password)
        catalogue = SqlCatalogue(open_catalogue(settings, server.folder))
        server.crash()
        watch = LedgerWatch(catalogue)
        running.append(asyncio.create_task(watch.run()))
        async with asyncio.timeout(20):
            while "ledger-unread" not in caplog.text:
                await asyncio.sleep(0.02)
        server.start()
        schema = gateway.schema()
        await catalogue.admit(gateway.origin())
        block = gateway.block(schema.schema, [[1], [2]])
        await catalogue.record(Batch(schemas=(schema,), blocks=(block,), ledgers=(gateway.statement(1, 2),)))
        await balanced(watch)
        assert not running[0].done()
        running[0].cancel()
        await asyncio.wait(running)
        await catalogue.close()
