"""This file tests anchors and the blocks written against them: exact round trips, golden bytes, hostile bytes."""

import base64
import json
import resource
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from isolane.wire import varint
from isolane.wire.anchor import Anchor, decode_anchor, is_anchor, read_schema_id
from isolane.wire.block import AnchorWantedError, Block, BlockKey, decode, encode, gateway_tag, read_head
from isolane.wire.schema import COLUMNS_MAX

GOLDEN = Path(__file__).parents[1] / "golden"
TAG = gateway_tag("north", "gw-1")
SCHEMA = bytes(range(8))
KEY = BlockKey(1_700_000_000_000, 0, 9)
INTEGERS = st.integers(-3, 3) | st.integers(-(2**63), 2**63 - 1)
ROWS = hnp.arrays(np.int64, st.integers(1, 40), elements=INTEGERS)


def one_row(values: list[int], codes: list[int] | None = None) -> Block:
    row = np.array(values, np.int64)[:, None]
    told = np.zeros(row.shape, np.uint8) if codes is None else np.array(codes, np.uint8)[:, None]
    return Block(KEY, SCHEMA, 1_700_000_060_000, 1000, row, told)


def form(row: bytes, schema: str = SCHEMA.hex(), version: int = 2) -> bytes:
    text = base64.b64encode(row).decode()
    return json.dumps({"version": version, "of": schema, "row": text}, separators=(",", ":")).encode()


def packed(row: np.ndarray) -> bytes:
    return zstandard.ZstdCompressor().compress(varint.encode(varint.zigzag(row)))


@given(ROWS)
def test_an_anchor_survives(row: np.ndarray) -> None:
    anchor = Anchor(SCHEMA, row)
    identity, read = decode_anchor(anchor.json)
    assert (identity, read.schema) == (anchor.id, SCHEMA)
    assert np.array_equal(read.row, row)
    assert is_anchor(anchor.json)
    assert read_schema_id(anchor.json) == SCHEMA


@given(ROWS, st.data())
def test_a_block_against_an_anchor_comes_back_with_the_schema_of_the_anchor(
    row: np.ndarray, data: st.DataObject
) -> None:
    anchor = Anchor(SCHEMA, row)
    values = data.draw(hnp.arrays(np.int64, (row.size, data.draw(st.integers(1, 4))), elements=INTEGERS))
    codes = data.draw(hnp.arrays(np.uint8, values.shape, elements=st.sampled_from([0, 1, 10])))
    block = Block(KEY, SCHEMA, 1, 1000, np.where((codes & 3) == 2, 0, values), codes)
    written = encode(block, TAG, anchor)
    assert read_head(written, TAG).is_anchored
    assert (read_head(written).key, read_head(written).schema) == (KEY, anchor.id)
    read = decode(written, TAG, {anchor.id: anchor})
    assert read.schema == SCHEMA
    assert np.array_equal(read.values, block.values)
    assert np.array_equal(read.codes, codes)


def test_a_missing_anchor_is_named() -> None:
    anchor = Anchor(SCHEMA, np.array([5, 6]))
    with pytest.raises(AnchorWantedError, match=anchor.id.hex()):
        decode(encode(one_row([5, 6]), TAG, anchor))


def test_an_anchor_of_other_columns_is_refused() -> None:
    anchor, other = Anchor(SCHEMA, np.array([5, 6])), Anchor(SCHEMA, np.array([5]))
    with pytest.raises(ValueError, match="another schema"):
        encode(one_row([5, 6]), TAG, other)
    with pytest.raises(ValueError, match="an anchor of 1"):
        decode(encode(one_row([5, 6]), TAG, anchor), TAG, {anchor.id: other})


def test_the_golden_block_against_an_anchor_is_read_as_ever() -> None:
    identity, anchor = decode_anchor((GOLDEN / "anchor.json").read_bytes())
    data = bytes.fromhex((GOLDEN / "block-anchored.hex").read_text())
    block = decode(data, TAG, {identity: anchor})
    assert data[3:5] == b"\x02\x03"
    assert (block.key, block.schema, block.step_ms) == (KEY, SCHEMA, 1000)
    assert np.array_equal(anchor.row, 2300 + np.arange(60) % 7)
    assert np.array_equal(block.values[:, 0], 2300 + np.arange(60) // 30)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b'{"version":2}',
        form(packed(np.arange(3)), version=1),
        form(packed(np.arange(3)), schema="00"),
        form(packed(np.arange(3)), schema="no hexadecimal!!"),
        form(b"no frame"),
        form(packed(np.arange(3)) + b"more"),
        form(zstandard.ZstdCompressor().compress(b"")),
        form(zstandard.ZstdCompressor().compress(b"\xff")),
        form(zstandard.ZstdCompressor().compress(bytes(COLUMNS_MAX + 1))),
        form(zstandard.ZstdCompressor(write_content_size=False).compress(b"\x01")),
        form(packed(np.arange(3))).replace(b'"}', b'!"}'),
    ],
)
def test_what_is_no_anchor_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any sentence
        decode_anchor(data)


@given(st.binary(max_size=200))
def test_random_bytes_are_no_anchor(data: bytes) -> None:
    assert read_schema_id(data) is None
    with pytest.raises(ValueError):  # noqa: PT011
        decode_anchor(form(data))


def test_a_small_anchor_cannot_make_a_reader_allocate_without_bound() -> None:
    data = form(zstandard.ZstdCompressor().compress(bytes(1 << 28)))
    assert len(data) < 40_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match="bytes"):
        decode_anchor(data)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20 * 1024
