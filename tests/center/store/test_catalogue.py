"""This file tests the catalogue; it guards that its books are idempotent and outlive a restart."""

from collections.abc import Callable

import pytest

from isolane.center.store.catalogue import QUARANTINE_BYTES_MAX, SqlCatalogue
from isolane.center.store.port import Batch, Origin, PoisonArrival, RefusedError
from isolane.center.store.views import ChargerEntry, GatewayEntry, SequenceRange, SiteEntry
from isolane.wire.uplink import Up
from support.gateways import T0_MS, FakeGateway, power, voltage

Open = Callable[[], SqlCatalogue]


async def test_a_gateway_is_bound_to_its_first_site(open_catalogue: Open, gateway: FakeGateway) -> None:
    catalogue = open_catalogue()
    await catalogue.admit(gateway.origin())
    await catalogue.admit(gateway.origin())
    with pytest.raises(RefusedError, match="belongs to site depot"):
        await catalogue.admit(Origin("harbour", "gw-1", T0_MS))
    await catalogue.close()
    with pytest.raises(RefusedError, match="belongs to site depot"):
        await open_catalogue().admit(Origin("harbour", "gw-1", T0_MS))


async def test_chargers_follow_from_schemas(open_catalogue: Open, gateway: FakeGateway) -> None:
    catalogue = open_catalogue()
    await catalogue.admit(gateway.origin(5))
    await catalogue.record(Batch(schemas=(gateway.schema(power("B"), voltage("A"), power("A"), received_ms=7),)))
    assert await catalogue.chargers() == [
        ChargerEntry("depot", "gw-1", "A", 7),
        ChargerEntry("depot", "gw-1", "B", 7),
    ]
    assert await catalogue.chargers("harbour") == []
    assert await catalogue.sites() == [SiteEntry("depot", [GatewayEntry("gw-1", 5, 7)], 2)]


async def test_an_unknown_schema_is_asked_for_until_it_comes(open_catalogue: Open, gateway: FakeGateway) -> None:
    catalogue = open_catalogue()
    await catalogue.admit(gateway.origin())
    schema = gateway.schema()
    block = gateway.block(schema.schema, [[1], [2]])
    assert await catalogue.record(Batch(blocks=(block,))) == {schema.schema.id}
    assert await catalogue.record(Batch(blocks=(block,), schemas=(schema,))) == set()
    assert await catalogue.record(Batch(blocks=(block,))) == set()


async def test_a_schema_of_another_gateway_names_chargers_too(open_catalogue: Open, gateway: FakeGateway) -> None:
    catalogue, other = open_catalogue(), FakeGateway(name="gw-2", site="harbour")
    await catalogue.admit(gateway.origin())
    await catalogue.admit(other.origin())
    schema = gateway.schema()
    await catalogue.record(Batch(schemas=(schema,)))
    await catalogue.record(Batch(blocks=(other.block(schema.schema, [[1], [2]]),)))
    assert [entry.charger for entry in await catalogue.chargers("harbour")] == ["CP-1"]


async def test_books_count_each_block_once(open_catalogue: Open, gateway: FakeGateway) -> None:
    catalogue = open_catalogue()
    await catalogue.admit(gateway.origin())
    schema = gateway.schema()
    blocks = [gateway.block(schema.schema, [[1, 2], [3, 4]]) for _ in range(6)]
    await catalogue.record(Batch(blocks=tuple(blocks[3:]), schemas=(schema,)))
    await catalogue.record(Batch(blocks=(*blocks[4:], blocks[0], blocks[0])))
    await catalogue.record(Batch(ledgers=(gateway.statement(6, 24, queued=8),)))
    (line,) = await catalogue.ledger()
    assert (line.blocks, line.duplicates, line.samples) == (4, 3, 16)
    assert line.size_bytes == sum(len(block.data) for block in [*blocks[3:], blocks[0]])
    assert line.bytes_per_sample == round(line.size_bytes / 16, 3)
    assert (line.verdict, line.holes) == ("pending", [SequenceRange(2, 3)])
    await catalogue.record(Batch(blocks=tuple(blocks[1:3])))
    await catalogue.close()
    catalogue = open_catalogue()
    await catalogue.record(Batch(blocks=(blocks[1],)))
    (line,) = await catalogue.ledger("depot")
    assert (line.verdict, line.holes, line.blocks, line.duplicates) == ("balanced", [], 6, 4)
    assert await catalogue.ledger("harbour") == []


async def test_a_gap_record_closes_its_hole(open_catalogue: Open, gateway: FakeGateway) -> None:
    catalogue = open_catalogue()
    await catalogue.admit(gateway.origin())
    schema = gateway.schema()
    block = gateway.block(schema.schema, [[1], [3]], sequence=3)
    await catalogue.record(Batch(blocks=(block,), ledgers=(gateway.statement(3, 6, dropped=4),)))
    assert [line.verdict for line in await catalogue.ledger()] == ["hole"]
    gap = gateway.gap(1, 2, samples=4)
    await catalogue.record(Batch(gaps=(gap, gap)))
    await catalogue.record(Batch(gaps=(gap,)))
    (line,) = await catalogue.ledger()
    assert (line.verdict, [(gap.first, gap.last, gap.reason) for gap in line.gaps]) == (
        "balanced",
        [(1, 2, "outbox-full")],
    )


async def test_an_older_statement_does_not_replace_a_newer(open_catalogue: Open, gateway: FakeGateway) -> None:
    catalogue = open_catalogue()
    await catalogue.admit(gateway.origin())
    await catalogue.record(Batch(ledgers=(gateway.statement(6, 24, queued=24, at_ms=T0_MS + 5),)))
    await catalogue.record(Batch(ledgers=(gateway.statement(5, 20, queued=20),)))
    assert [line.last_sequence for line in await catalogue.ledger()] == [6]


async def test_a_clock_that_was_set_back_makes_no_statement_old(open_catalogue: Open, gateway: FakeGateway) -> None:
    """What has been produced and acknowledged only grows: the statement that says more is the newer one."""
    catalogue = open_catalogue()
    await catalogue.admit(gateway.origin())
    await catalogue.record(Batch(ledgers=(gateway.statement(6, 24, queued=8),)))
    await catalogue.record(Batch(ledgers=(gateway.statement(6, 24, at_ms=T0_MS - 3_600_000),)))
    assert [(line.acknowledged, line.queued) for line in await catalogue.ledger()] == [(24, 0)]
    await catalogue.record(Batch(ledgers=(gateway.statement(6, 24, queued=8, at_ms=T0_MS + 5),)))
    assert [(line.acknowledged, line.queued) for line in await catalogue.ledger()] == [(24, 0)]


async def test_poison_is_kept_with_its_first_bytes(open_catalogue: Open, gateway: FakeGateway) -> None:
    catalogue = open_catalogue()
    await catalogue.admit(gateway.origin())
    big = b"x" * (QUARANTINE_BYTES_MAX + 1)
    poison = [PoisonArrival(gateway.origin(n), Up.BLOCK, f"1/1/{n}", "why " * 500, big) for n in range(3)]
    await catalogue.record(Batch(poison=tuple(poison)))
    found = await catalogue.quarantine(limit=2)
    assert [(entry.key, entry.kind, entry.size_bytes) for entry in found] == [
        ("1/1/2", "block", len(big)),
        ("1/1/1", "block", len(big)),
    ]
