"""This file writes, damages and reads files of blocks at full rate; nothing but the record that was hit may be lost."""

import random
from pathlib import Path

import numpy as np
import pytest

from isolane.core.signals import Signal
from isolane.health.thinning.segment import FILES, Wanted, block_record, first_ms, read, schema_record
from isolane.wire.block import Block, BlockKey, encode
from isolane.wire.floats import to_bits
from isolane.wire.schema import Schema
from support.kept_blocks import T0_MS, block, is_same
from support.outboxes import FAST, SCHEMA, TAG

BLOCKS = [block(number) for number in range(1, 6)]


def record(made: Block) -> bytes:
    return block_record(encode(made, TAG), made.t0_ms, made.t0_ms + made.step_ms * made.values.shape[1])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / FILES.name(1, 0)
    path.write_bytes(schema_record(SCHEMA) + b"".join(map(record, BLOCKS)))
    return path


def test_blocks_come_back_sample_for_sample(path: Path) -> None:
    real = Schema.of((Signal("CP-1", "1.0/EVSE/xDistortion", "Percent", 0), *SCHEMA.signals[:1]))
    values = np.stack([to_bits(np.random.default_rng(1).normal(size=4)), np.arange(4)])
    made = Block(
        BlockKey(7, 0, 9), real.id, T0_MS, 1000, values, np.array([[0, 1, 2, 0], [0] * 4], np.uint8), None, real.floats
    )
    with path.open("ab") as file:
        file.write(schema_record(real) + record(made))
    found = list(read(path.parent))
    assert [schema.id for schema, _ in found] == [*[SCHEMA.id] * len(BLOCKS), real.id]
    assert all(is_same(each, other) for (_, each), other in zip(found[:-1], BLOCKS, strict=True))
    values[0, 2] = 0  # a BAD sample has no value
    assert is_same(found[-1][1], Block(made.key, real.id, T0_MS, 1000, values, made.codes))


def test_a_file_that_was_cut_anywhere_gives_every_record_that_is_whole(path: Path) -> None:
    data, last = path.read_bytes(), len(record(BLOCKS[-1]))
    told: list[int] = []
    for size in [*range(len(data) - last - 1, len(data), 7), len(data)]:
        path.write_bytes(data[:size])
        found = [each.key.sequence for _, each in read(path.parent, damaged=lambda _, size: told.append(size))]
        whole = 5 if size == len(data) else 4 if size >= len(data) - last else 3
        assert found == list(range(1, whole + 1))
    assert set(told) >= {7 * step - 1 for step in range(1, 5)}, "each cut is told by its size"


@pytest.mark.parametrize("seed", range(40))
def test_a_byte_that_changed_costs_one_record(path: Path, seed: int) -> None:
    rng, data = random.Random(seed), bytearray(path.read_bytes())
    begins = len(schema_record(SCHEMA))
    data[rng.randrange(begins, len(data))] ^= rng.randrange(1, 256)
    path.write_bytes(data)
    told: list[int] = []
    found = [each for _, each in read(path.parent, damaged=lambda _, size: told.append(size))]
    assert len(found) == len(BLOCKS) - 1
    assert all(is_same(each, BLOCKS[each.key.sequence - 1]) for each in found)
    assert told in [[len(record(each))] for each in BLOCKS]


def test_a_damaged_schema_is_taken_from_another_file(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[40] ^= 1
    (path.parent / FILES.name(2, 5)).write_bytes(data)
    assert [each.key.sequence for _, each in read(path.parent)] == [1, 2, 3, 4, 5] * 2


def test_rubbish_gives_nothing(tmp_path: Path) -> None:
    (tmp_path / FILES.name(1, 0)).write_bytes(random.Random(3).randbytes(50_000) + b"\xf1ISK" * 100)
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    assert not list(read(tmp_path))
    assert first_ms(tmp_path / FILES.name(1, 0)) is None
    assert len(FILES.files(tmp_path)) == 1
    assert not list(read(tmp_path / "none"))


def test_what_is_wanted_is_told_by_time_stream_and_signal(path: Path) -> None:
    with path.open("ab") as file:
        file.write(schema_record(FAST) + record(block(6, stream=1)))
    folder, minute = path.parent, 60_000

    def found(wanted: Wanted) -> list[int]:
        return [each.key.sequence for _, each in read(folder, wanted)]

    assert first_ms(path) == BLOCKS[0].t0_ms == T0_MS + minute
    assert found(Wanted(T0_MS + 2 * minute, T0_MS + 4 * minute)) == [2, 3]
    assert found(Wanted(T0_MS + 2 * minute - 1, T0_MS + 4 * minute + 1)) == [1, 2, 3, 4]
    assert found(Wanted(stream=1)) == [6]
    assert found(Wanted(signals={("CP-1", FAST.columns[0].key)})) == [6]
    assert found(Wanted(signals={("CP-2", FAST.columns[0].key)})) == []
