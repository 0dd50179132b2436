"""This file keeps papers in both catalogues; it guards that each is filed once and is in the books."""

from collections.abc import Callable

from sqlalchemy.orm import Session

from isolane.center.ingest.anchors import Anchors
from isolane.center.ingest.answer import answer
from isolane.center.ingest.read import read
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.papers import file_away, to_file
from isolane.center.store.port import Batch, LedgerArrival, PaperArrival, PoisonArrival
from isolane.wire.block import BlockKey, gateway_tag
from isolane.wire.paper import PAPERS, Paper, encode_paper
from isolane.wire.uplink import VERSION, LedgerEntry, LedgerStatement, Up
from support.gateways import T0_MS, FakeGateway

GATEWAY = FakeGateway()
TAG = gateway_tag("depot", "gw-1")


def arrival(sequence: int, kind: str = "level", body: bytes = b"worn") -> PaperArrival:
    return PaperArrival(GATEWAY.origin(), Paper(BlockKey(T0_MS, PAPERS, sequence), T0_MS, kind, body))


async def test_a_paper_that_comes_again_stands_once_and_is_filed_once(
    open_catalogue: Callable[[], SqlCatalogue],
) -> None:
    catalogue = open_catalogue()
    await catalogue.admit(GATEWAY.origin())
    await catalogue.record(Batch(papers=(arrival(1), arrival(2, "card"), arrival(1))))
    await catalogue.record(Batch(papers=(arrival(2, "card"), arrival(3))))

    def file_one(session: Session) -> list[tuple[int, bytes]]:
        papers = to_file(session, ["level"], 9)
        found = [(paper.sequence, paper.body) for paper in papers]
        file_away(session, papers)
        return found

    assert await catalogue.write(file_one) == [(1, b"worn"), (3, b"worn")]
    assert await catalogue.write(file_one) == []
    statement = LedgerStatement(VERSION, T0_MS, (LedgerEntry(T0_MS, PAPERS, 3, 3, 3, 0, 0, {}),))
    await catalogue.record(Batch(ledgers=(LedgerArrival(GATEWAY.origin(), statement),)))
    (line,) = await catalogue.ledger()
    assert (line.stream, line.samples, line.duplicates, line.verdict) == (PAPERS, 3, 2, "balanced")


async def test_a_paper_that_waits_at_the_gateway_is_no_hole(open_catalogue: Callable[[], SqlCatalogue]) -> None:
    catalogue = open_catalogue()
    await catalogue.admit(GATEWAY.origin())
    statement = LedgerStatement(VERSION, T0_MS, (LedgerEntry(T0_MS, PAPERS, 2, 2, 1, 1, 0, {}),))
    await catalogue.record(Batch(papers=(arrival(1),), ledgers=(LedgerArrival(GATEWAY.origin(), statement),)))
    (line,) = await catalogue.ledger()
    assert line.verdict == "pending"


def test_a_paper_is_acknowledged_by_its_number() -> None:
    paper = Paper(BlockKey(7, PAPERS, 3), T0_MS, "level", b"worn")
    found = read(GATEWAY.origin(), Up.PAPER, encode_paper(paper, TAG), Anchors())
    assert found == PaperArrival(GATEWAY.origin(), paper)
    (ack,) = answer(found, ()).acks
    assert (ack.epoch, ack.stream, ack.blocks) == (7, PAPERS, (3,))


def test_what_is_no_paper_is_poison() -> None:
    paper = Paper(BlockKey(7, PAPERS, 3), 1 << 60, "level", b"worn")
    for data in (b"", b"ISP\x01", encode_paper(paper, TAG), encode_paper(paper, gateway_tag("depot", "gw-2"))):
        assert isinstance(read(GATEWAY.origin(), Up.PAPER, data, Anchors()), PoisonArrival)
