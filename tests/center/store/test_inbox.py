"""This file tests the workers' inbox on every database; it guards that nothing is removed before it is stored."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from isolane.center.store import inbox as rules
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.database import open_catalogue
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.inbox import Inbox, InboxTaker
from isolane.center.store.port import Batch, Committed, UnavailableError
from isolane.center.store.settings import StoreSettings
from isolane.center.store.views import SeriesQuery
from support.gateways import T0_MS, FakeGateway

OpenTelemetry = Callable[..., EmbeddedTelemetry]


@pytest.fixture
async def workers(store_settings: StoreSettings, tmp_path: Path) -> AsyncIterator[list[Inbox]]:
    """Two workers' inboxes in one database."""
    catalogues = [SqlCatalogue(open_catalogue(store_settings, tmp_path)) for _ in range(2)]
    yield [Inbox(catalogue) for catalogue in catalogues]
    for catalogue in catalogues:
        await catalogue.close()


@pytest.fixture(autouse=True)
def short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a taker that was turned away come back soon."""
    monkeypatch.setattr(rules, "_AWAY_S", 0.05)


Take = Callable[[EmbeddedTelemetry], InboxTaker]


@pytest.fixture
def taker(store_settings: StoreSettings, tmp_path: Path) -> Iterator[Take]:
    """Makes one that takes from that database."""
    engine = open_catalogue(store_settings, tmp_path)
    yield partial(InboxTaker, engine)
    engine.dispose()


def taken(taker: InboxTaker) -> float:
    registry = CollectorRegistry()
    registry.register(taker)
    return registry.get_sample_value("isolane_center_inbox_taken_total") or 0.0


async def until_taken(taker: InboxTaker, count: int) -> None:
    """Let it run until it has taken so many messages."""
    running = asyncio.create_task(taker.run())
    try:
        async with asyncio.timeout(20):
            while taken(taker) < count:
                await asyncio.sleep(0.02)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def samples(store: EmbeddedTelemetry, gateway: FakeGateway) -> list[int]:
    query = SeriesQuery(gateway.site, "CP-1", ("1.0/EVSE/Power",), T0_MS, T0_MS + 60_000, 100)
    return (await store.series(query)).signals[0].good


async def test_what_workers_commit_comes_into_the_store_once(
    workers: list[Inbox], taker: Take, open_telemetry: OpenTelemetry, gateway: FakeGateway
) -> None:
    schema = gateway.schema()
    blocks = [gateway.block(schema.schema, [[n], [n]], t0_ms=T0_MS + 1000 * n) for n in range(6)]
    first = await workers[0].commit(Batch(schemas=(schema,), blocks=tuple(blocks[:4])))
    assert (first.blocks, first.samples) == (4, 8)
    await workers[1].commit(Batch(blocks=tuple(blocks[2:]), gaps=(gateway.gap(7, 9, T0_MS + 7000, T0_MS + 9000),)))
    await workers[1].commit(Batch())
    store = open_telemetry()
    taking = taker(store)
    await until_taken(taking, 10)
    assert await samples(store, gateway) == [1] * 6
    query = SeriesQuery("depot", "CP-1", ("1.0/EVSE/Power",), T0_MS, T0_MS + 60_000, 100)
    (series,) = (await store.series(query)).signals
    assert "outbox-full" in [reason for gap in series.gaps for reason in gap.reasons]


class Interrupted(EmbeddedTelemetry):
    """A store that is durable and then, once, does not come to say so."""

    fails = True

    async def commit(self, batch: Batch) -> Committed:
        """Commit, and fail the first time."""
        committed = await super().commit(batch)
        if self.fails:
            self.fails = False
            raise UnavailableError("killed just now")
        return committed


async def test_what_was_stored_and_not_removed_is_taken_again_and_known(
    workers: list[Inbox],
    taker: Take,
    open_telemetry: OpenTelemetry,
    gateway: FakeGateway,
    caplog: pytest.LogCaptureFixture,
) -> None:
    schema = gateway.schema()
    block = gateway.block(schema.schema, [[1], [2]])
    await workers[0].commit(Batch(schemas=(schema,), blocks=(block,)))
    store = open_telemetry(kind=Interrupted)
    assert isinstance(store, Interrupted)
    taking = taker(store)
    with ThreadPoolExecutor(1) as thread:
        with pytest.raises(UnavailableError):
            await taking.take(thread)
        assert await taking.take(thread) == 2
        assert await taking.take(thread) == 0
    assert await samples(store, gateway) == [1]
    store.fails = True
    await workers[0].commit(Batch(blocks=(gateway.block(schema.schema, [[1], [2]], t0_ms=T0_MS + 1000),)))
    await until_taken(taking, 3)
    assert "inbox-away" in caplog.text
    assert await samples(store, gateway) == [1, 1]


async def test_an_inbox_that_nobody_empties_takes_no_more(
    workers: list[Inbox], gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "ROWS_MAX", 3)
    schema = gateway.schema()
    blocks = tuple(gateway.block(schema.schema, [[1], [2]]) for _ in range(4))
    await workers[0].commit(Batch(blocks=blocks))
    with pytest.raises(UnavailableError, match="3 messages wait for the center"):
        await workers[1].commit(Batch(blocks=blocks[:1]))


async def test_of_two_that_would_take_one_stands_by(
    in_postgres: StoreSettings, tmp_path: Path, open_telemetry: OpenTelemetry, gateway: FakeGateway
) -> None:
    store = open_telemetry()
    engines = [open_catalogue(in_postgres, tmp_path) for _ in range(2)]
    first, second = (InboxTaker(engine, store) for engine in engines)
    catalogue = SqlCatalogue(open_catalogue(in_postgres, tmp_path))
    running = asyncio.create_task(first.run())
    try:
        schema = gateway.schema()
        await Inbox(catalogue).commit(Batch(schemas=(schema,), blocks=(gateway.block(schema.schema, [[1], [2]]),)))
        async with asyncio.timeout(20):
            while not await store.signals("depot", "CP-1"):
                await asyncio.sleep(0.02)
        with ThreadPoolExecutor(1) as thread, pytest.raises(UnavailableError, match="another process takes"):
            await second.take(thread)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await Inbox(catalogue).commit(Batch(schemas=(schema,)))
        await until_taken(second, 1)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await catalogue.close()
        for engine in engines:
            engine.dispose()
