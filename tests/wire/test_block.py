"""This file tests blocks: exact round trips, golden bytes, and a decoder that hostile bytes cannot hurt."""

import hashlib
import re
import resource
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from isolane.core.samples import Quality, Reason
from isolane.wire.block import (
    BLOCK_BYTES_MAX,
    BODY_BYTES_MAX,
    Block,
    BlockKey,
    code,
    decode,
    encode,
    gateway_tag,
    quality_of,
)
from support.sealed_block import sealed

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests/golden"
TAG = gateway_tag("north", "gw-1")
SCHEMA = bytes(range(8))
CODES = [0, code(Quality.STALE), code(Quality.STALE, Reason.TIMEOUT), code(Quality.BAD, Reason.NEVER_READ), 0x7E]
NUMBERS = st.integers(0, 2**63 - 1)


@st.composite
def blocks(draw: st.DrawFn) -> Block:
    shape = draw(st.tuples(st.integers(1, 6), st.integers(1, 12)))
    small = st.integers(-3, 3)
    values = draw(hnp.arrays(np.int64, shape, elements=small | st.integers(-(2**63), 2**63 - 1), fill=small))
    codes = draw(hnp.arrays(np.uint8, shape, elements=st.sampled_from(CODES), fill=st.just(0)))
    values = np.where((codes & 3) == Quality.BAD, 0, values)
    key = BlockKey(draw(NUMBERS), draw(NUMBERS), draw(st.integers(1, 2**63 - 1)))
    return Block(
        key, draw(st.binary(min_size=8, max_size=8)), draw(NUMBERS), draw(st.integers(1, 10**6)), values, codes
    )


def same(one: Block, other: Block) -> bool:
    return (
        (one.key, one.schema, one.t0_ms, one.step_ms) == (other.key, other.schema, other.t0_ms, other.step_ms)
        and np.array_equal(one.values, other.values)
        and np.array_equal(one.codes, other.codes)
    )


@given(blocks())
def test_a_block_survives_sample_for_sample(block: Block) -> None:
    data = encode(block, TAG)
    assert same(decode(data, TAG), block)
    assert len(data) < BLOCK_BYTES_MAX


def worked() -> Block:
    """Give the block of the worked example in docs/reference/block.md."""
    values = np.array([[2301, 2303, 2302], [16, 16, 16], [0, 0, 5]], np.int64)
    codes = np.zeros((3, 3), np.uint8)
    codes[2, 0] = codes[2, 1] = code(Quality.BAD, Reason.TIMEOUT)
    return Block(BlockKey(1_700_000_000_000, 0, 7), SCHEMA, 1_700_000_060_000, 1000, values, codes)


def test_the_worked_example_of_the_page_is_what_the_code_writes() -> None:
    page = (ROOT / "docs/reference/block.md").read_text(encoding="utf-8")
    page = page.partition("The same with floats")[0]
    rows = re.findall(r"^\| `([0-9a-f ]+)` \|", page, re.MULTILINE)
    assert bytes.fromhex("".join(rows)) == encode(worked(), TAG)


def test_the_golden_plain_block_is_written_and_read_as_ever() -> None:
    data = bytes.fromhex((GOLDEN / "block-plain.hex").read_text())
    assert encode(worked(), TAG) == data
    assert same(decode(data, TAG), worked())


def test_the_golden_compressed_block_is_read_as_ever() -> None:
    data = bytes.fromhex((GOLDEN / "block-zstd.hex").read_text())
    assert data[4] == 1
    block = decode(data, TAG)
    rows = np.arange(60)
    assert block.key == BlockKey(1_700_000_000_000, 0, 8)
    assert np.array_equal(block.values[0], 2300 + rows % 7)
    assert np.array_equal(block.values[1], -(rows**2))
    assert hashlib.sha256(block.codes.tobytes()).hexdigest()[:8] == "0e06410f"


@given(st.binary(max_size=300))
def test_random_bytes_are_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any sentence
        decode(data)


@settings(max_examples=400)
@given(blocks(), st.data())
def test_a_changed_block_with_a_right_checksum_is_read_or_a_value_error(block: Block, data: st.DataObject) -> None:
    whole = bytearray(encode(block, TAG))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(3, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(9, len(whole)))
    try:
        read = decode(sealed(bytes(whole[:cut])))
    except ValueError:
        return
    again = decode(encode(read, TAG))
    assert same(again, read)


@given(blocks(), st.data())
def test_a_changed_block_is_refused_by_its_checksum(block: Block, data: st.DataObject) -> None:
    whole = bytearray(encode(block, TAG))
    place, value = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 255))
    assume(whole[place] != value)
    whole[place] = value
    with pytest.raises(ValueError):  # noqa: PT011
        decode(bytes(whole))


def test_a_block_of_another_gateway_is_refused() -> None:
    with pytest.raises(ValueError, match="another gateway"):
        decode(encode(worked(), TAG), gateway_tag("north", "gw-2"))


@pytest.mark.parametrize("shape", [(1, 1), (1, 1 << 22), (2048, 2048)])
def test_a_small_block_cannot_make_a_reader_allocate_without_bound(shape: tuple[int, int]) -> None:
    columns, rows = shape
    body = bytes(columns) + bytes(BODY_BYTES_MAX - columns)
    packed = zstandard.ZstdCompressor().compress(body)
    numbers = (1, 0, 1, 1, 1, rows, columns, len(body))
    header = b"".join(_plain(number) for number in numbers)
    data = sealed(b"ISB\x01\x01" + bytes(4) + SCHEMA + TAG + header + packed)
    assert len(data) < 10_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match=r"numbers|values"):
        decode(data)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 1024


def _plain(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


@pytest.mark.parametrize(
    "changes",
    [
        {"values": np.zeros((0, 3), np.int64), "codes": np.zeros((0, 3), np.uint8)},
        {"codes": np.zeros((3, 2), np.uint8)},
        {"codes": np.full((3, 3), 3, np.uint8)},
        {"codes": np.full((3, 3), 0x80, np.uint8)},
        {"t0_ms": -1},
        {"step_ms": 0},
        {"key": BlockKey(1, 0, 0)},
        {"key": BlockKey(2**63, 0, 1)},
    ],
)
def test_what_could_not_be_read_is_not_written(changes: dict[str, object]) -> None:
    block = worked()
    fields = {name: getattr(block, name) for name in ("key", "schema", "t0_ms", "step_ms", "values", "codes")}
    with pytest.raises(ValueError, match=r"block|code"):
        encode(Block(**{**fields, **changes}), TAG)


def test_a_quality_code_holds_quality_and_reason() -> None:
    for quality in Quality:
        for reason in Reason:
            assert quality_of(code(quality, reason)) == (quality, reason)
