"""This file tests what is stored and what is poison."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.center.ingest.anchors import Anchors
from isolane.center.ingest.read import INSTANT_MS_MAX, LEDGER_ENTRIES_MAX, block_key, read
from isolane.center.store.port import BlockArrival, GapArrival, LedgerArrival, PoisonArrival, SchemaArrival
from isolane.core.signals import Signal
from isolane.wire.block import Block, BlockKey, encode, gateway_tag
from isolane.wire.schema import Schema
from isolane.wire.uplink import Gap, LedgerEntry, LedgerStatement, Up
from isolane.wire.uplink import encode as encode_message
from support.gateways import T0_MS, FakeGateway, power

GATEWAY = FakeGateway()
SCHEMA = GATEWAY.schema().schema
BLOCK = GATEWAY.block(SCHEMA, [[1, 2], [3, 4]])
TAG = gateway_tag("depot", "gw-1")


def poison(kind: Up, payload: bytes) -> PoisonArrival:
    arrival = read(GATEWAY.origin(), kind, payload, Anchors())
    assert isinstance(arrival, PoisonArrival)
    assert (arrival.data, arrival.kind) == (payload, kind)
    return arrival


def odd_block(**changes: int) -> bytes:
    key = BlockKey(T0_MS, 1, 7)
    shape = (1, 1)
    times = changes.get("t0_ms", T0_MS), changes.get("step_ms", 1000)
    block = Block(key, SCHEMA.id, *times, np.zeros(shape, np.int64), np.zeros(shape, np.uint8))
    return encode(block, TAG)


def test_what_can_be_read_keeps_its_bytes_and_its_origin() -> None:
    block = read(GATEWAY.origin(5), Up.BLOCK, BLOCK.data, Anchors())
    assert isinstance(block, BlockArrival)
    assert (block.data, block.origin, block.block.key) == (BLOCK.data, GATEWAY.origin(5), BLOCK.block.key)
    schema = read(GATEWAY.origin(), Up.SCHEMA, SCHEMA.json, Anchors())
    assert isinstance(schema, SchemaArrival)
    assert schema.schema.id == SCHEMA.id
    gap = read(GATEWAY.origin(), Up.GAP, encode_message(GATEWAY.gap(1, 2).gap), Anchors())
    assert isinstance(gap, GapArrival)
    statement = read(GATEWAY.origin(), Up.LEDGER, encode_message(GATEWAY.statement(1, 2).statement), Anchors())
    assert isinstance(statement, LedgerArrival)


def test_a_block_of_another_gateway_is_poison_without_a_key() -> None:
    foreign = FakeGateway(name="gw-2").block(SCHEMA, [[1], [2]])
    arrival = poison(Up.BLOCK, foreign.data)
    assert (arrival.key, arrival.reason) == ("", "the block is of another gateway")


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (odd_block(step_ms=86_400_001), "a step of 86400001 ms"),
        (odd_block(t0_ms=INSTANT_MS_MAX), "a time after the year 9999"),
        (odd_block()[:-1] + b"\x7f", "the block's CRC-32C does not fit its bytes"),
    ],
)
def test_a_block_that_cannot_be_believed_is_named_by_its_key(payload: bytes, reason: str) -> None:
    arrival = poison(Up.BLOCK, payload)
    assert (arrival.key, arrival.reason) == (f"{T0_MS}/1/7", reason)


@pytest.mark.parametrize("size", [0, 3, 17, 21, 22, 25, 30, len(BLOCK.data) - 1])
def test_a_block_that_is_cut_is_poison(size: int) -> None:
    poison(Up.BLOCK, BLOCK.data[:size])


@given(st.binary(max_size=200), st.sampled_from(list(Up)))
def test_no_bytes_make_it_fail(payload: bytes, kind: Up) -> None:
    read(GATEWAY.origin(), kind, payload, Anchors())


@given(st.integers(0, len(BLOCK.data) - 1), st.integers(1, 255))
def test_no_damage_passes_as_a_block(place: int, change: int) -> None:
    data = bytearray(BLOCK.data)
    data[place] ^= change
    poison(Up.BLOCK, bytes(data))


@given(st.binary(max_size=60))
def test_a_key_is_read_from_any_header_without_failing(rest: bytes) -> None:
    block_key(BLOCK.data[:21] + rest, TAG)


def test_a_message_without_end_is_poison() -> None:
    assert poison(Up.LEDGER, b"[" * ((1 << 20) + 1)).reason == "a message of 1048577 bytes"


@pytest.mark.parametrize(
    "column",
    [
        ["../etc", "1.0/EVSE/Power", "W", 1.0],
        ["a\nb", "1.0/EVSE/Power", "W", 1.0],
        ["x" * 49, "1.0/EVSE/Power", "W", 1.0],
        ["CP-1", "1.0/EVSE/<script>", "W", 1.0],
        ["CP-1", "1.0/EVSE/Power", "W" * 17, 1.0],
        ["CP-1", "1.0/EVSE/Power", "W\x00", 1.0],
        ["CP-1", "1.0/EVSE/Power", "W", 0.0],
    ],
)
def test_names_that_could_not_stand_anywhere_are_poison(column: list[object]) -> None:
    assert poison(Up.SCHEMA, msgspec.json.encode({"version": 1, "columns": [column]})).key == ""


def test_identities_that_ocpp_allows_pass() -> None:
    schema = Schema.of((power("ГТ 1<b>"), Signal("", "0.0/Controller/Temperature", "Celsius", 1.0)))
    assert isinstance(read(GATEWAY.origin(), Up.SCHEMA, schema.json, Anchors()), SchemaArrival)


@pytest.mark.parametrize(
    "gap",
    [
        Gap(1, -1, 1, 1, 2, 5, "x", 0, 1),
        Gap(1, 1, 1, 1, 1 << 63, 5, "x", 0, 1),
        Gap(1, 1, 1, 1, 2, 5, "x", 0, INSTANT_MS_MAX + 1),
        Gap(1, 1, 1, 3, 2, 5, "x", 0, 1),
        Gap(2, 1, 1, 1, 2, 5, "x", 0, 1),
    ],
)
def test_gaps_that_no_table_can_hold_are_poison(gap: Gap) -> None:
    poison(Up.GAP, encode_message(gap))


def test_statements_that_no_table_can_hold_are_poison() -> None:
    entry = LedgerEntry(1, 1, 1, 1, 1, 0, 0, {"x": 1 << 63})
    poison(Up.LEDGER, encode_message(LedgerStatement(1, 1, (entry,))))
    fine = LedgerEntry(1, 1, 1, 1, 1, 0, 0, {})
    poison(Up.LEDGER, encode_message(LedgerStatement(1, 1, (fine,) * (LEDGER_ENTRIES_MAX + 1))))
