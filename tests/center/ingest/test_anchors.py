"""This file tests blocks that come written against anchors; it guards that what is stored needs no anchor any more."""

import numpy as np
import pytest

from isolane.center.ingest import anchors as rules
from isolane.center.ingest.anchors import Anchors
from isolane.center.ingest.answer import answer
from isolane.center.ingest.read import AnchorArrival, read
from isolane.center.store.port import BlockArrival, Origin, PoisonArrival
from isolane.wire.anchor import Anchor
from isolane.wire.block import Block, BlockKey, decode, encode, gateway_tag
from isolane.wire.uplink import VERSION, Downlink, Up

ORIGIN = Origin("north", "gw-1", 5)
TAG = gateway_tag("north", "gw-1")
SCHEMA = bytes(range(8))
ANCHOR = Anchor(SCHEMA, np.array([2300, 5], np.int64))
BLOCK = Block(BlockKey(1, 0, 1), SCHEMA, 1000, 1000, np.array([[2301], [5]], np.int64), np.zeros((2, 1), np.uint8))


def test_a_block_waits_for_its_anchor_and_is_stored_without_it() -> None:
    anchors = Anchors()
    data = encode(BLOCK, TAG, ANCHOR)
    early = read(ORIGIN, Up.BLOCK, data, anchors)
    assert answer(early, ()) == Downlink(VERSION, want=(ANCHOR.id.hex(),))
    told = read(ORIGIN, Up.SCHEMA, ANCHOR.json, anchors)
    assert isinstance(told, AnchorArrival)
    assert answer(told, ()) == Downlink(VERSION)
    arrival = read(ORIGIN, Up.BLOCK, data, anchors)
    assert isinstance(arrival, BlockArrival)
    assert arrival.size_bytes == len(data)
    assert arrival.block.schema == SCHEMA
    assert decode(arrival.data, TAG).values.tolist() == [[2301], [5]]


def test_anchors_of_one_gateway_open_no_blocks_of_another() -> None:
    anchors = Anchors()
    read(Origin("north", "gw-2", 5), Up.SCHEMA, ANCHOR.json, anchors)
    assert isinstance(read(ORIGIN, Up.BLOCK, encode(BLOCK, TAG, ANCHOR), anchors), AnchorArrival)


def test_a_damaged_anchor_is_poison() -> None:
    arrival = read(ORIGIN, Up.SCHEMA, ANCHOR.json[:-3], Anchors())
    assert isinstance(arrival, PoisonArrival)


def test_a_flood_of_anchors_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "_BYTES_MAX", 3000)
    anchors = Anchors()
    for number in range(300):
        origin = Origin("north", f"gw-{number % 3}", 5)
        anchors.learn(origin, Anchor(SCHEMA, np.arange(number, number + 9)).json)
    kept = [len(anchors.of(Origin("north", f"gw-{gateway}", 5))) for gateway in range(3)]
    assert sum(kept) == 3000 // 72
    last = Anchor(SCHEMA, np.arange(299, 308))
    assert last.id in anchors.of(Origin("north", "gw-2", 5))
