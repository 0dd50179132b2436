"""This file tests thinned blocks: what was thinned away comes back as the format says; hostile bytes hurt nothing."""

import resource
import time
from pathlib import Path

import google_crc32c
import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from isolane.core.rungs import Rung
from isolane.core.samples import Quality, Reason
from isolane.wire import varint
from isolane.wire.block import Block, BlockKey, Thinned, code, decode, encode, gateway_tag
from isolane.wire.schema import COLUMNS_MAX

GOLDEN = Path(__file__).parents[1] / "golden"
TAG = gateway_tag("north", "gw-1")
SCHEMA = bytes(range(8))
KEY = BlockKey(1_700_000_000_000, 0, 10)
AWAY = code(Quality.GOOD, Reason.THINNED)


def thinned(values: list[list[int]], codes: list[list[int]], held: list[bool]) -> Block:
    way = Thinned(Rung.BOUNDED, 2, np.array(held))
    return Block(KEY, SCHEMA, 1_700_000_060_000, 1000, np.array(values, np.int64), np.array(codes, np.uint8), way)


def worked() -> Block:
    """Give the thinned block of docs/reference/block.md."""
    return thinned(
        [[100, 0, 0, 0, 110], [7, 0, 0, 9, 0], [5, 5, 0, 6, 0]],
        [[0, AWAY, AWAY, AWAY, 0], [0, AWAY, AWAY, 0, AWAY], [0, 0, 10, 0, AWAY | Quality.STALE]],
        [False, True, False],
    )


def test_thinned_samples_come_back_on_the_line_or_held() -> None:
    read = decode(encode(worked(), TAG), TAG)
    assert read.values.tolist() == [[100, 103, 105, 108, 110], [7, 7, 7, 9, 9], [5, 5, 0, 6, 6]]
    assert np.array_equal(read.codes, worked().codes)
    assert read.thinned is not None
    assert (read.thinned.rung, read.thinned.bound, read.thinned.held.tolist()) == (
        Rung.BOUNDED,
        2,
        [False, True, False],
    )
    assert read.samples == 15 - 7


def test_the_golden_thinned_block_is_read_as_ever() -> None:
    data = bytes.fromhex((GOLDEN / "block-thinned.hex").read_text())
    assert encode(worked(), TAG) == data
    assert decode(data, TAG).values[0].tolist() == [100, 103, 105, 108, 110]


def test_a_line_may_fall_and_its_halves_round_up() -> None:
    read = decode(encode(thinned([[110, 0, 0, 0, 100]], [[0, AWAY, AWAY, AWAY, 0]], [False]), TAG))
    assert read.values.tolist() == [[110, 108, 105, 103, 100]]


def test_a_thinned_sample_with_nothing_before_it_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing before"):
        decode(encode(thinned([[0, 5]], [[AWAY, 0]], [False]), TAG))


def sealed(data: bytes) -> bytes:
    crc: int = google_crc32c.extend(google_crc32c.value(data[:5]), data[9:])
    return data[:5] + crc.to_bytes(4, "little") + data[9:]


@settings(max_examples=300)
@given(st.data())
def test_a_changed_thinned_block_with_a_right_checksum_is_read_or_a_value_error(data: st.DataObject) -> None:
    whole = bytearray(encode(worked(), TAG))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(3, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        read = decode(sealed(bytes(whole)))
    except ValueError:
        return
    again = decode(encode(read, TAG))
    assert np.array_equal(again.values, read.values)
    assert np.array_equal(again.codes, read.codes)


def test_a_frame_that_says_its_size_is_refused_before_that_is_believed() -> None:
    """A bare frame of one segment, content size 2^40, with an empty block."""
    frame = bytes([0xE0]) + (1 << 40).to_bytes(8, "little") + b"\x01\x00\x00"
    numbers = varint.encode(np.array([1, 0, 1, 1, 1, 1, 1, 10, 1, 1], np.uint64))
    with pytest.raises(ValueError, match="content size"):
        decode(sealed(b"ISB\x02\x05" + bytes(4) + SCHEMA + TAG + numbers + frame))


@pytest.mark.parametrize("columns", [COLUMNS_MAX, COLUMNS_MAX + 1, 1 << 21])
def test_a_small_thinned_block_costs_bounded_time_and_memory(columns: int) -> None:
    rows = 4
    runs = np.tile(np.array([2, 1, 0, rows - 1, AWAY], np.uint64), columns)
    body = bytes([3]) * columns + varint.encode(np.concatenate([runs, np.zeros(columns, np.uint64)]))
    packed = zstandard.ZstdCompressor(
        compression_params=zstandard.ZstdCompressionParameters.from_level(
            9, format=zstandard.FORMAT_ZSTD1_MAGICLESS, write_content_size=False
        )
    ).compress(body)
    numbers = varint.encode(np.array([1, 0, 1, 1, 1, rows, columns, len(body), 1, 1], np.uint64))
    data = sealed(b"ISB\x02\x05" + bytes(4) + SCHEMA + TAG + numbers + packed)
    assert len(data) < 20_000
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    if columns > COLUMNS_MAX:
        with pytest.raises(ValueError, match="columns"):
            decode(data)
    else:
        assert not decode(data).values.any()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024
    assert time.process_time() - begun < 5
