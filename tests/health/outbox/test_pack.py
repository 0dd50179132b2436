"""This file tests packing; it guards even spacing inside a block and that no block can outgrow its bound."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.health.outbox.pack import Pack, rows_max
from isolane.health.outbox.records import Draft
from isolane.wire.block import BLOCK_BYTES_MAX, Block, BlockKey, code, encode
from isolane.wire.schema import COLUMNS_MAX
from support.outboxes import SCHEMA, TAG


def row(number: int) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], np.ndarray[tuple[int], np.dtype[np.uint8]]]:
    return np.array([number, -number], np.int64), np.zeros(2, np.uint8)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=60, unique=True), st.integers(1, 12))
def test_every_row_is_in_one_block_at_its_time(seconds: list[int], block_rows: int) -> None:
    pack = Pack(SCHEMA.id, 2, 1000, block_rows)
    drafts: list[Draft] = []
    for second in sorted(seconds):
        drafts += pack.add(1000 * second, *row(second))
    drafts += pack.seal()
    found = [
        (draft.t0_ms + 1000 * place, int(draft.values[0, place]))
        for draft in drafts
        for place in range(draft.values.shape[1])
    ]
    assert found == [(1000 * second, second) for second in sorted(seconds)]
    assert all(draft.values.shape[1] <= block_rows for draft in drafts)
    assert not pack.seal()


def test_a_clock_set_back_ends_the_block() -> None:
    pack = Pack(SCHEMA.id, 2, 1000, 10)
    pack.add(5000, *row(1))
    (draft,) = pack.add(4000, *row(2))
    assert (draft.t0_ms, draft.end_ms, draft.samples) == (5000, 6000, 2)


@pytest.mark.parametrize("columns", [1, 7, 500, COLUMNS_MAX])
def test_the_worst_that_can_be_in_a_block_fits(columns: int) -> None:
    rows = min(rows_max(columns), 600)
    random = np.random.default_rng(1)
    values = random.integers(-(2**63), 2**63 - 1, (columns, rows))
    codes = np.where(np.arange(rows) % 2, code(1, 1), code(1, 8)).astype(np.uint8)  # type: ignore[arg-type]
    codes = np.broadcast_to(codes, (columns, rows))
    data = encode(Block(BlockKey(2**62, 1, 2**62), SCHEMA.id, 2**62, 1000, values, codes), TAG)
    assert len(data) < BLOCK_BYTES_MAX


def test_a_wide_site_gets_shorter_blocks() -> None:
    pack = Pack(SCHEMA.id, COLUMNS_MAX, 1000, 600)
    wide = np.zeros(COLUMNS_MAX, np.int64), np.zeros(COLUMNS_MAX, np.uint8)
    drafts = [draft for second in range(20) for draft in pack.add(1000 * second, *wide)]
    assert len(drafts) >= 5
