"""This file makes blocks to be kept at full rate; run as a program it keeps them until it is killed, and tells which.

`python -m support.kept_blocks FOLDER` writes a line "N" whenever all blocks up to N are on the disk.
"""

import itertools
import os
import sys
from pathlib import Path

import numpy as np

from isolane.health.thinning.ring import Ring
from isolane.health.thinning.segment import read
from isolane.health.thinning.settings import KeptSettings
from isolane.wire.block import Block, BlockKey
from support.outboxes import FAST, SCHEMA, TAG, ManualClock

T0_MS = 1_700_000_000_000
ROWS = 60
_BY_ID = {SCHEMA.id: SCHEMA, FAST.id: FAST}


def block(number: int, rows: int = ROWS, *, noise: int = 20, stream: int = 0) -> Block:
    """Make a block of rows, the one after the one before; `noise` are the bits of a sample that nobody can compress."""
    values = np.random.default_rng(number).integers(-(2**noise), 2**noise, (2, rows))
    schema, step_ms = (FAST, 100) if stream else (SCHEMA, 1000)
    codes = np.zeros((2, rows), np.uint8)
    return Block(BlockKey(7, stream, number), schema.id, T0_MS + number * step_ms * rows, step_ms, values, codes)


def put(ring: Ring, made: Block) -> None:
    """Hand a block over, with its schema."""
    ring.keep(_BY_ID[made.schema], made)


def is_same(one: Block, other: Block) -> bool:
    """Tell whether two blocks are the same, sample for sample."""
    heads = [(each.key, each.schema, each.t0_ms, each.step_ms, each.thinned) for each in (one, other)]
    return heads[0] == heads[1] and np.array_equal(one.values, other.values) and np.array_equal(one.codes, other.codes)


def numbers(folder: Path) -> list[int]:
    """Give the numbers of the blocks in a folder, each held against what it must be."""
    found = []
    for schema, each in read(folder):
        assert schema == _BY_ID[each.schema]
        assert is_same(each, block(each.key.sequence, each.values.shape[1], stream=each.key.stream))
        found.append(each.key.sequence)
    return found


def main(folder: Path) -> None:
    """Keep one block after the other."""
    ring = Ring(KeptSettings(), folder, TAG, ManualClock())
    ring.open()
    for number in itertools.count(1):
        put(ring, block(number))
        ring.flush()
        os.write(1, f"{number}\n".encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
