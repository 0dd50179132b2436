"""This file tests the judgement of all books; it guards that what is remembered is never another verdict."""

import random
from collections import Counter
from collections.abc import Callable

import pytest

from isolane.center.store import verdicts as rules
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.ledger import HOLE, judge
from isolane.center.store.port import Batch, BlockArrival, GapArrival, LedgerArrival
from support.gateways import T0_MS, FakeGateway

OpenCatalogue = Callable[[], SqlCatalogue]
EPOCHS = 2


async def test_every_look_says_what_the_ledger_says(open_catalogue: OpenCatalogue) -> None:
    """Blocks, gap records and statements come in any order, from two workers."""
    rng = random.Random(20261123)
    workers = [open_catalogue(), open_catalogue()]
    gateways = [FakeGateway(name=f"gw-{n}", epoch=T0_MS + e) for n in range(3) for e in range(EPOCHS)]
    schema = gateways[0].schema()
    seen: Counter[str] = Counter()
    for gateway in gateways:
        await workers[0].admit(gateway.origin())
    quiet = FakeGateway(name="gw-9")
    await workers[0].admit(quiet.origin())
    await workers[0].record(Batch(ledgers=(quiet.statement(0, 0),)))
    for step in range(60):
        gateway = rng.choice(gateways)
        last = rng.randint(1, 6)
        messages: list[BlockArrival | GapArrival | LedgerArrival] = [
            gateway.block(schema.schema, [[1], [2]], sequence=last),
            gateway.gap(last, last, samples=rng.choice([0, 2])),
            gateway.statement(last, 2 * last, queued=rng.choice([0, 0, 2]), at_ms=T0_MS + step),
        ]
        message = rng.choice(messages)
        batch = Batch(
            blocks=(message,) if isinstance(message, BlockArrival) else (),
            gaps=(message,) if isinstance(message, GapArrival) else (),
            ledgers=(message,) if isinstance(message, LedgerArrival) else (),
        )
        await rng.choice(workers).record(batch)
        told, lines = await workers[0].verdicts(), await workers[0].ledger()
        assert told.counts == Counter(line.verdict for line in lines)
        assert sorted((line.gateway, line.epoch) for line in told.holes) == sorted(
            (line.gateway, line.epoch) for line in lines if line.verdict == HOLE
        )
        seen += told.counts
    assert len(seen) == 4, "the messages have led to every verdict"


async def test_only_books_that_have_changed_are_judged(
    open_catalogue: OpenCatalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged: list[object] = []

    def counted(*arguments: object) -> object:
        judged.append(arguments)
        return judge(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(rules, "judge", counted)
    catalogue = open_catalogue()
    gateways = [FakeGateway(name=f"gw-{n}") for n in range(20)]
    for gateway in gateways:
        await catalogue.admit(gateway.origin())
    await catalogue.record(Batch(ledgers=tuple(gateway.statement(0, 0) for gateway in gateways)))
    for expected in (20, 20):
        assert (await catalogue.verdicts()).counts == {"balanced": 20}
        assert len(judged) == expected
    await catalogue.record(Batch(gaps=(gateways[7].gap(1, 1, samples=2),)))
    assert (await catalogue.verdicts()).counts["balanced"] == 20
    await catalogue.record(Batch(ledgers=(gateways[3].statement(1, 2),)))
    (hole,) = (await catalogue.verdicts()).holes
    assert (hole.gateway, hole.holes[0].first) == ("gw-3", 1)
    assert len(judged) == 22
