"""This file tests how blocks become samples; it guards that a value is the decimal that the device gave."""

import dataclasses
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isolane.core.signals import Signal
from isolane.health.links.rows import Rows, Schemas, UnknownSchemaError, acknowledged, exact, wanted
from isolane.wire.anchor import Anchor
from isolane.wire.block import Block, BlockKey, encode
from isolane.wire.floats import to_bits
from isolane.wire.schema import Schema
from support.outboxes import TAG
from support.target_rows import BAD, SCHEMA, SIGNALS, rows_draft

KEY = BlockKey(7, 0, 3)


def packed(rows: int = 5) -> bytes:
    draft = rows_draft(0, rows)
    return encode(Block(KEY, SCHEMA.id, draft.t0_ms, 1000, draft.values, draft.codes), TAG)


@given(st.integers(-(2**53), 2**53), st.sampled_from(["1", "0.1", "0.001", "0.25", "4096", "1e-06", "0.05", "60"]))
def test_a_value_is_the_nearest_float_of_the_decimal(number: int, resolution: str) -> None:
    (value,) = exact(np.array([number], np.int64), Fraction(resolution))
    assert value == float(Decimal(number) * Decimal(resolution))


def test_the_largest_numbers_do_not_wrap() -> None:
    values = np.array([-(2**63), 2**63 - 1, 0], np.int64)
    assert list(exact(values, Fraction(3600))) == [-(2.0**63) * 3600, (2.0**63) * 3600, 0.0]


def test_a_block_is_opened_by_its_schema() -> None:
    schemas = Schemas()
    with pytest.raises(UnknownSchemaError, match=SCHEMA.id.hex()):
        schemas.rows(packed())
    schemas.learn(SCHEMA.json)
    rows = schemas.rows(packed())
    assert rows.signals == SIGNALS
    assert rows.samples == 20
    assert list(rows.t_ms - rows.t_ms[0]) == [0, 1000, 2000, 3000, 4000]
    assert list(rows.column(1)) == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert acknowledged(rows.key).acks[0].blocks == (3,)
    assert wanted(SCHEMA.id).want == (SCHEMA.id.hex(),)


def blocks_of(schemas: Schemas, columns: int, count: int) -> list[bytes]:
    """Tell so many schemas of so many columns, each with an anchor; give a block that needs both, for each."""
    blocks = []
    for number in range(count):
        signals = (Signal(f"CP-{number}", f"1.0/EVSE/xSignal[{n}]", "V", 0.1) for n in range(columns))
        schema = Schema.of(tuple(signals))
        anchor = Anchor(schema.id, np.full(columns, number, np.int64))
        schemas.learn(schema.json)
        schemas.learn(anchor.json)
        values = np.full((columns, 1), number + 1, np.int64)
        block = Block(KEY, schema.id, 0, 1000, values, np.zeros((columns, 1), np.uint8))
        blocks.append(encode(block, TAG, anchor))
    return blocks


def opened(schemas: Schemas, blocks: list[bytes]) -> list[int]:
    """Give the numbers of the blocks that need not be asked for."""
    found = []
    for number, block in enumerate(blocks):
        try:
            assert schemas.rows(block).values[0, 0] == number + 1
        except UnknownSchemaError:
            continue
        found.append(number)
    return found


def test_as_many_schemas_and_anchors_are_kept_as_a_large_site_has() -> None:
    schemas = Schemas()
    blocks = blocks_of(schemas, 8, 130)
    assert opened(schemas, blocks) == list(range(2, 130))
    again = Schemas()
    assert blocks_of(again, 8, 100) == blocks_of(again, 8, 100)
    assert opened(again, blocks[:100]) == list(range(100))


def test_large_schemas_are_kept_as_far_as_the_memory_is_meant_for_them() -> None:
    schemas = Schemas()
    blocks = blocks_of(schemas, 8000, 12)
    assert opened(schemas, blocks) == list(range(4, 12))
    vast = Schemas()
    assert opened(vast, blocks_of(vast, 16_384, 6)) == list(range(2, 6))


def test_a_signal_without_a_resolution_has_the_float_itself() -> None:
    signal = Signal("CP-1", "1.0/EVSE/xDistortion", "Percent", 0)
    schema = Schema.of((SIGNALS[3], signal))
    real = np.array([0.1 + 0.2, -0.0, 1.7e308])
    values = np.stack([np.arange(3), to_bits(real)])
    block = Block(KEY, schema.id, 0, 1000, values, np.zeros((2, 3), np.uint8), floats=schema.floats)
    schemas = Schemas()
    schemas.learn(schema.json)
    rows = schemas.rows(encode(block, TAG))
    assert rows.column(1).tobytes() == real.tobytes()
    assert rows.column(1, Fraction(1, 100)).tolist() == [float(Fraction(value) / 100) for value in real.tolist()]
    assert rows.column(1, Fraction(3600))[2] == 1.7976931348623157e308
    assert rows.column(0).tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="floats"):
        schemas.rows(encode(dataclasses.replace(block, floats=np.array([True, True])), TAG))


def test_pieces_hold_all_rows_in_their_order() -> None:
    schemas = Schemas()
    schemas.learn(SCHEMA.json)
    parts = list(schemas.rows(packed(11)).parts(16))
    assert [part.t_ms.size for part in parts] == [4, 4, 3]
    assert [value for part in parts for value in part.values[3]] == list(range(11))
    assert [part.t_ms.size for part in parts[0].parts(1)] == [1, 1, 1, 1]


def test_what_is_held_counts_where_it_is_wanted() -> None:
    codes = np.array([[0, 1, BAD]], np.uint8)
    rows = Rows(KEY, SIGNALS[:1], np.arange(3), 1000, np.zeros((1, 3), np.int64), codes)
    assert rows.present(held=True).tolist() == [[True, True, False]]
    assert rows.present(held=False).tolist() == [[True, False, False]]
