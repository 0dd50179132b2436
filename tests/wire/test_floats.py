"""This file tests columns of floats in blocks: bit for bit, or refused; and that old blocks are as they were."""

import math
import re
import resource
import struct
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from isolane.core.rungs import Rung
from isolane.core.samples import Quality, Reason
from isolane.wire import floats, varint
from isolane.wire.anchor import Anchor
from isolane.wire.block import SAMPLES_MAX, Block, BlockKey, Thinned, code, decode, encode, gateway_tag
from isolane.wire.schema import COLUMNS_MAX
from support.sealed_block import sealed

GOLDEN = Path(__file__).parents[1] / "golden"
TAG = gateway_tag("north", "gw-1")
SCHEMA = bytes(range(8))
KEY = BlockKey(1_700_000_000_000, 0, 11)
AWAY = code(Quality.GOOD, Reason.THINNED)
BAD = code(Quality.BAD, Reason.TIMEOUT)
CODES = [0, code(Quality.STALE), code(Quality.STALE, Reason.TIMEOUT), BAD]
VERSION, VERSION_AT, FLAGS = 3, 3, 4


def bits(*values: float) -> list[int]:
    """Give the patterns as the standard library writes them."""
    return [int.from_bytes(struct.pack(">d", value), "big", signed=True) for value in values]


def worked() -> Block:
    """Give the block of floats of docs/reference/block.md."""
    values = np.array([[2301, 2303, 2302], bits(0.1, 0.1, -0.0), [0, *bits(1e300, 1e300)]], np.int64)
    codes = np.zeros((3, 3), np.uint8)
    codes[2, 0] = BAD
    return Block(KEY, SCHEMA, 1_700_000_060_000, 1000, values, codes, floats=np.array([False, True, True]))


def same(one: Block, other: Block) -> bool:
    return (
        (one.key, one.schema, one.t0_ms, one.step_ms) == (other.key, other.schema, other.t0_ms, other.step_ms)
        and np.array_equal(one.values, other.values)
        and np.array_equal(one.codes, other.codes)
        and _columns(one) == _columns(other)
    )


def _columns(block: Block) -> list[bool] | None:
    return None if block.floats is None else block.floats.tolist()


@st.composite
def blocks(draw: st.DrawFn) -> Block:
    columns, rows = draw(st.integers(1, 6)), draw(st.integers(1, 20))
    mask = draw(hnp.arrays(np.bool_, columns).filter(np.any))
    few = st.sampled_from([0.0, -0.0, 5e-324, 0.1, 230.1, -1e300])
    real = draw(
        hnp.arrays(np.float64, (columns, rows), elements=few | st.floats(allow_nan=False, allow_infinity=False))
    )
    whole = draw(hnp.arrays(np.int64, (columns, rows), elements=st.integers(-(2**63), 2**63 - 1), fill=st.just(7)))
    codes = draw(hnp.arrays(np.uint8, (columns, rows), elements=st.sampled_from(CODES), fill=st.just(0)))
    values = np.where(mask[:, None], floats.to_bits(real), whole)
    values = np.where((codes & 3) == Quality.BAD, 0, values)
    return Block(KEY, SCHEMA, 1_700_000_060_000, 1000, values, codes, floats=mask)


@given(blocks())
def test_floats_survive_bit_for_bit_beside_integers(block: Block) -> None:
    data = encode(block, TAG)
    assert data[3] == VERSION
    assert same(decode(data, TAG), block)


@given(blocks(), st.data())
def test_one_row_against_an_anchor_is_the_same_row(block: Block, data: st.DataObject) -> None:
    rows = st.integers(0, block.values.shape[1] - 1)
    here, before = data.draw(rows), data.draw(rows)
    one = replace(block, values=block.values[:, here : here + 1], codes=block.codes[:, here : here + 1])
    anchor = Anchor(SCHEMA, np.ascontiguousarray(block.values[:, before]))
    assert same(decode(encode(one, TAG, anchor), TAG, {anchor.id: anchor}), one)


def test_a_value_that_stays_costs_a_bit_and_an_unchanged_anchored_row_no_patterns() -> None:
    values = floats.to_bits(np.repeat(np.random.default_rng(1).normal(size=(50, 1)), 60, axis=1))
    block = Block(KEY, SCHEMA, 0, 1000, values, np.zeros((50, 60), np.uint8), floats=np.ones(50, np.bool_))
    assert len(encode(block, TAG)) < 50 * 8 + 120
    row = replace(block, values=values[:, :1].copy(), codes=block.codes[:, :1].copy())
    assert len(encode(row, TAG, Anchor(SCHEMA, values[:, 0].copy()))) < 70


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_is_neither_written_nor_read(value: float) -> None:
    block = worked()
    (pattern,) = bits(value)
    stored = np.ones((1, 1), np.bool_)
    for payload in (0, 1) if math.isnan(value) else (0,):
        block.values[1, 1] = pattern | payload
        with pytest.raises(ValueError, match="finite"):
            encode(block, TAG)
        told = floats.encode(np.array([[1]], np.int64), stored, None, planes=False)
        with pytest.raises(ValueError, match="finite"):
            floats.decode(told[:1] + struct.pack("<q", pattern | payload), stored, None, planes=False)


def test_a_pattern_where_there_is_no_value_is_not_looked_at() -> None:
    block = worked()
    block.values[2, 0] = bits(float("nan"))[0]
    assert decode(encode(block, TAG), TAG).values[2, 0] == 0


def test_thinned_floats_are_held_and_nothing_else() -> None:
    values = np.array([bits(0.1, 0, 0, 0.3), [100, 0, 0, 106]], np.int64)
    codes = np.array([[0, AWAY, AWAY, 0]] * 2, np.uint8)
    way = Thinned(Rung.BOUNDED, 2, np.array([True, False]))
    block = Block(KEY, SCHEMA, 0, 1000, values, codes, way, np.array([True, False]))
    read = decode(encode(block, TAG), TAG)
    assert read.values.tolist() == [bits(0.1, 0.1, 0.1, 0.3), [100, 102, 104, 106]]
    assert read.samples == 4
    with pytest.raises(ValueError, match="held"):
        encode(replace(block, thinned=Thinned(Rung.BOUNDED, 2, np.array([False, False]))), TAG)


def test_the_golden_block_of_floats_is_written_and_read_as_ever() -> None:
    data = bytes.fromhex((GOLDEN / "block-floats.hex").read_text())
    assert encode(worked(), TAG) == data
    assert same(decode(data, TAG), worked())


def test_the_worked_body_of_the_page_is_what_the_code_writes() -> None:
    page = (GOLDEN.parents[1] / "docs/reference/block.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([0-9a-f ]+)` \|", page.partition("The same with floats")[2], re.MULTILINE)
    assert encode(worked(), TAG).endswith(bytes.fromhex("03 03 25 19" + "".join(rows)))


def test_the_golden_block_of_floats_in_planes_is_read_as_ever() -> None:
    data = bytes.fromhex((GOLDEN / "block-float-planes.hex").read_text())
    assert data[FLAGS] == 0x19
    block = decode(data, TAG)
    assert np.array_equal(floats.to_floats(block.values[0]), 230 + np.sqrt(np.arange(60) + 2.0) / 100)
    assert np.array_equal(block.values[1], -np.arange(60))


@given(blocks())
def test_the_patterns_come_back_from_either_order(block: Block) -> None:
    assert block.floats is not None
    stored = (block.codes[block.floats] & 3) != Quality.BAD
    patterns = block.values[block.floats]
    for planes in (False, True):
        told = floats.encode(patterns, stored, None, planes=planes)
        assert np.array_equal(floats.decode(told, stored, None, planes=planes), patterns)


@settings(max_examples=400)
@given(blocks(), st.data())
def test_a_changed_block_with_a_right_checksum_is_read_or_a_value_error(block: Block, data: st.DataObject) -> None:
    whole = bytearray(encode(block, TAG))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(3, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        read = decode(sealed(bytes(whole)))
    except ValueError:
        return
    assert same(decode(encode(read, TAG)), read)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (VERSION_AT, 1),
        (VERSION_AT, 2),
        (VERSION_AT, 4),
        (FLAGS, 0),
        (FLAGS, 0x28),
    ],
)
def test_another_version_or_flag_is_refused(place: int, value: int) -> None:
    whole = bytearray(encode(worked(), TAG))
    whole[place] = value
    with pytest.raises(ValueError, match=r"telemetry block|floats"):
        decode(sealed(bytes(whole)))


@pytest.mark.parametrize(
    "mask", [np.zeros(3, np.bool_), np.ones(2, np.bool_), np.ones(4, np.bool_)], ids=["none", "fewer", "more"]
)
def test_columns_of_floats_that_are_not_there_are_refused(mask: NDArray[np.bool_]) -> None:
    with pytest.raises(ValueError, match="none of its own"):
        encode(replace(worked(), floats=mask), TAG)


def test_a_small_block_costs_bounded_time_and_memory() -> None:
    columns, rows = COLUMNS_MAX, SAMPLES_MAX // COLUMNS_MAX
    tail = bytes(SAMPLES_MAX // 8)
    body = bytes([8]) * columns + tail
    packed = zstandard.ZstdCompressor(
        compression_params=zstandard.ZstdCompressionParameters.from_level(
            9, format=zstandard.FORMAT_ZSTD1_MAGICLESS, write_content_size=False
        )
    ).compress(body)
    numbers = varint.encode(np.array([1, 0, 1, 1, 1, rows, columns, len(body), len(tail)], np.uint64))
    data = sealed(b"ISB\x03\x09" + bytes(4) + SCHEMA + TAG + numbers + packed)
    assert len(data) < 10_000
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    assert not decode(data).values.any()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400 * 1024
    assert time.process_time() - begun < 5
