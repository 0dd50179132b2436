"""This file tests the wording of answers."""

from isolane.center.ingest.answer import answer, merge
from isolane.center.store.port import PoisonArrival
from isolane.wire.uplink import Ack, Downlink, Up
from support.gateways import T0_MS, FakeGateway

GATEWAY = FakeGateway()
SCHEMA = GATEWAY.schema()
BLOCK = GATEWAY.block(SCHEMA.schema, [[1], [2]])


def test_a_block_is_acknowledged_and_its_schema_asked_for() -> None:
    ack = Ack(T0_MS, 1, blocks=(1,))
    assert answer(BLOCK, {SCHEMA.schema.id}) == Downlink(1, (ack,), (SCHEMA.schema.id.hex(),))
    assert answer(BLOCK, set()) == Downlink(1, (ack,))


def test_a_gap_is_acknowledged_by_its_first_block() -> None:
    assert answer(GATEWAY.gap(4, 9), set()) == Downlink(1, (Ack(T0_MS, 1, gaps=(4,)),))


def test_what_has_no_key_is_answered_with_nothing() -> None:
    for arrival in (SCHEMA, GATEWAY.statement(1, 1), PoisonArrival(GATEWAY.origin(), Up.BLOCK, "", "why", b"")):
        assert answer(arrival, set()) == Downlink(1)


def test_poison_is_named() -> None:
    arrival = PoisonArrival(GATEWAY.origin(), Up.BLOCK, "1/2/3", "why", b"")
    assert answer(arrival, set()) == Downlink(1, poison={"1/2/3": "why"})


def test_answers_to_one_gateway_merge() -> None:
    answers = [
        Downlink(1, (Ack(1, 1, (3,)),), ("aa",)),
        Downlink(1, (Ack(1, 2, (), (8,)),), ("bb", "aa")),
        Downlink(1, (Ack(1, 1, (1,), (2,)),), poison={"1/1/9": "why"}),
    ]
    assert merge(answers) == Downlink(1, (Ack(1, 1, (3, 1), (2,)), Ack(1, 2, (), (8,))), ("aa", "bb"), {"1/1/9": "why"})
