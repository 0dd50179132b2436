"""This file lets several workers share one PostgreSQL catalogue; it guards that together they count each block once."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.database import open_catalogue
from isolane.center.store.port import Batch, GapArrival, Origin, PoisonArrival, RefusedError, UnavailableError
from isolane.center.store.settings import StoreSettings
from isolane.center.store.tables import StretchRow
from isolane.core.failures import IsolaneError
from isolane.core.signals import Signal
from isolane.wire.uplink import Gap, Up
from support.gateways import T0_MS, FakeGateway, power
from support.postgres import Postgres, running_postgres

WORKERS = 3


@pytest.fixture
async def workers(in_postgres: StoreSettings, tmp_path: Path) -> AsyncIterator[list[SqlCatalogue]]:
    """Catalogues over one database, opened at the same time, as workers that start together do."""
    opening = (asyncio.to_thread(open_catalogue, in_postgres, tmp_path) for _ in range(WORKERS))
    found = [SqlCatalogue(engine) for engine in await asyncio.gather(*opening)]
    yield found
    for catalogue in found:
        await catalogue.close()


async def test_blocks_that_all_workers_commit_at_once_count_once(workers: list[SqlCatalogue]) -> None:
    gateways = [FakeGateway(name=f"gw-{number}") for number in range(4)]
    sent: dict[str, list[Batch]] = {}
    for gateway in gateways:
        schema = gateway.schema(power(f"CP-{gateway.name}"))
        blocks = [gateway.block(schema.schema, [[1, 2, 3]]) for _ in range(24)]
        sent[gateway.name] = [Batch(schemas=(schema,), blocks=tuple(blocks[at : at + 3])) for at in range(0, 24, 3)]

    async def work(catalogue: SqlCatalogue, order: Sequence[FakeGateway]) -> None:
        for gateway in order:
            await catalogue.admit(gateway.origin())
        for number in range(8):
            batches = [sent[gateway.name][number] for gateway in order]
            joined = Batch(
                schemas=tuple(one for batch in batches for one in batch.schemas),
                blocks=tuple(one for batch in batches for one in batch.blocks),
            )
            assert await catalogue.record(joined) == frozenset()

    async with asyncio.timeout(60):
        await asyncio.gather(*(work(catalogue, gateways[at:] + gateways[:at]) for at, catalogue in enumerate(workers)))
    lines = await workers[0].ledger()
    assert [(line.gateway, line.blocks, line.samples, line.duplicates, line.holes) for line in lines] == [
        (gateway.name, 24, 72, 24 * (WORKERS - 1), []) for gateway in gateways
    ]
    ranges = await workers[1].read(
        lambda session: [(row.gateway, row.first, row.last) for row in session.scalars(select(StretchRow))]
    )
    assert sorted(ranges) == [(gateway.name, 1, 24) for gateway in gateways]
    assert [entry.charger for entry in await workers[2].chargers()] == [f"CP-{g.name}" for g in gateways]


async def test_what_one_worker_has_counted_another_knows(workers: list[SqlCatalogue], gateway: FakeGateway) -> None:
    """A worker's memory of a stream is of its own last look; in between another has gone on."""
    schema = gateway.schema()
    blocks = [gateway.block(schema.schema, [[1], [2]]) for _ in range(6)]
    first, second, _ = workers
    await first.admit(gateway.origin())
    assert await second.record(Batch(blocks=(blocks[0],))) == {schema.schema.id}
    await first.record(Batch(schemas=(schema,), blocks=tuple(blocks[1:3])))
    assert await second.record(Batch(blocks=tuple(blocks[2:5]))) == frozenset()
    await first.record(Batch(blocks=tuple(blocks[3:])))
    (line,) = await second.ledger()
    assert (line.blocks, line.duplicates, line.samples, line.holes) == (6, 3, 12, [])
    assert [entry.charger for entry in await first.chargers()] == ["CP-1"]


async def test_a_gateway_that_two_workers_meet_at_once_has_one_site(workers: list[SqlCatalogue]) -> None:
    meeting = (
        catalogue.admit(Origin(site, "gw-1", T0_MS))
        for catalogue, site in zip(workers, ("depot", "harbour", "depot"), strict=True)
    )
    async with asyncio.timeout(20):
        ends = await asyncio.gather(*meeting, return_exceptions=True)
    (site,) = [entry.site for entry in await workers[0].sites() if entry.gateways]
    refused = sum(isinstance(end, RefusedError) for end in ends)
    assert refused == (1 if site == "depot" else 2)
    assert [end for end in ends if end is not None and not isinstance(end, RefusedError)] == []


async def test_a_name_that_is_taken_is_told_as_such(workers: list[SqlCatalogue]) -> None:
    statement = text("INSERT INTO site VALUES ('depot', 1)")

    def insert(session: Session) -> None:
        session.execute(statement)

    await workers[0].write(insert)
    with pytest.raises(Exception, match="duplicate key"):
        await workers[1].write(insert)
    await workers[1].admit(Origin("depot", "gw-1", T0_MS))


async def test_texts_of_anybodys_choosing_are_kept(workers: list[SqlCatalogue], gateway: FakeGateway) -> None:
    hostile = "no\0such\ud800 reason" + "x" * 1000
    origin = gateway.origin()
    await workers[0].admit(origin)
    gap = GapArrival(origin, Gap(1, T0_MS, 1, 1, 2, 3, hostile, T0_MS, T0_MS))
    poison = PoisonArrival(origin, Up.BLOCK, "1/1/1", hostile, b"\0")
    await workers[0].record(Batch(gaps=(gap,), poison=(poison,)))
    ((line,), (entry,)) = await workers[0].ledger(), await workers[0].quarantine()
    assert line.gaps[0].reason == entry.reason
    assert entry.reason.startswith("no\ufffdsuch? reason")


async def test_names_come_in_one_order_whatever_the_alphabet(workers: list[SqlCatalogue], gateway: FakeGateway) -> None:
    await workers[0].admit(gateway.origin())
    names = ["b", "A", "a", "B", "_", "10", "9"]
    schema = gateway.schema(*(Signal(name, "1.0/EVSE/Power", "W", 1.0) for name in names))
    await workers[0].record(Batch(schemas=(schema,)))
    assert [entry.charger for entry in await workers[0].chargers()] == sorted(names)


async def test_ended_sessions_are_opened_again(
    workers: list[SqlCatalogue], postgres: Postgres, gateway: FakeGateway
) -> None:
    catalogue = workers[0]
    await catalogue.admit(gateway.origin())
    assert postgres.end_sessions() > 0
    await catalogue.record(Batch(schemas=(gateway.schema(),)))
    assert postgres.end_sessions() > 0
    assert [entry.charger for entry in await catalogue.chargers()] == ["CP-1"]


async def test_a_session_that_ends_in_a_transaction_acknowledges_nothing(
    workers: list[SqlCatalogue], postgres: Postgres, gateway: FakeGateway
) -> None:
    catalogue, schema = workers[0], gateway.schema()
    await catalogue.admit(gateway.origin())

    def change(session: Session) -> None:
        session.execute(text("UPDATE gateway SET last_seen_ms = 7"))
        postgres.end_sessions()
        session.execute(text("UPDATE gateway SET last_seen_ms = 8"))

    with pytest.raises(UnavailableError, match="catalogue"):
        await catalogue.write(change)
    assert [g.last_seen_ms for entry in await catalogue.sites() for g in entry.gateways] == [T0_MS]
    await catalogue.record(Batch(schemas=(schema,), blocks=(gateway.block(schema.schema, [[1], [2]]),)))
    assert [line.blocks for line in await catalogue.ledger()] == [1]


async def test_a_server_that_crashes_and_comes_back_is_met_again(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, gateway: FakeGateway
) -> None:
    """While it is away nothing is acknowledged; what was before the crash is there after it."""
    with running_postgres(tmp_path_factory.mktemp("crashing")) as server:
        settings = StoreSettings(catalogue=server.new_database(), catalogue_password=server.password)
        catalogue = SqlCatalogue(open_catalogue(settings, tmp_path))
        schema = gateway.schema()
        blocks = [gateway.block(schema.schema, [[1], [2]]) for _ in range(3)]
        await catalogue.admit(gateway.origin())
        await catalogue.record(Batch(schemas=(schema,), blocks=tuple(blocks[:2])))
        server.crash()
        for _ in range(2):
            with pytest.raises(UnavailableError, match="catalogue"):
                await catalogue.record(Batch(blocks=(blocks[2],)))
            with pytest.raises(OSError, match="cannot be read"):
                await catalogue.ledger()
        with pytest.raises(IsolaneError, match=r"cannot open the catalogue postgresql://isolane@127\.0\.0\.1"):
            open_catalogue(settings, tmp_path)
        server.start()
        await catalogue.record(Batch(blocks=tuple(blocks)))
        (line,) = await catalogue.ledger()
        assert (line.blocks, line.duplicates, line.holes) == (3, 2, [])
        await catalogue.close()
