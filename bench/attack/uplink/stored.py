"""This file reads what the center has kept; it guards that the judge opens the store's file and asks nobody."""

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from bench.attack.uplink.feed import SCHEMA, draft

from isolane.wire.block import Block, decode

Stream = tuple[str, int, int]
"""Gateway, epoch, stream."""


@dataclass
class Stored:
    """What is in the center's store.

    Attributes:
        blocks: By stream and number.
        order: Numbers of fed blocks as they arrived.
        gaps: By stream: first and last number, and from and to, ms.
        aside: What could not be read: gateway, kind, reason.
    """

    blocks: dict[Stream, dict[int, Block]] = field(default_factory=dict)
    order: list[int] = field(default_factory=list)
    gaps: dict[Stream, list[tuple[int, int, int, int]]] = field(default_factory=dict)
    copies: int = 0
    aside: list[tuple[str, str, str]] = field(default_factory=list)

    def fed(self) -> list[int]:
        """Give the numbers of all fed blocks whose values are what was fed."""
        found = [block for each in self.blocks.values() for block in each.values() if block.schema == SCHEMA.id]
        return [int(block.values[0, 0]) for block in found if _is_as_fed(block)]


def _is_as_fed(block: Block) -> bool:
    wanted = draft(int(block.values[0, 0]), int(block.values[0, 1]))
    return bool(np.array_equal(block.values, wanted.values)) and block.t0_ms == wanted.t0_ms


def read_store(folder: Path) -> Stored:
    """Read the center's data folder while its owner runs."""
    stored = Stored()
    connection = sqlite3.connect(f"file:{folder / 'telemetry/hot.sqlite3'}?mode=ro", uri=True, timeout=10)
    try:
        names = dict(connection.execute("SELECT id, name FROM gateway"))
        rows = connection.execute("SELECT gateway, epoch, stream, sequence, data FROM block ORDER BY number")
        for gateway, epoch, stream, sequence, data in rows:
            block = decode(data)
            here = stored.blocks.setdefault((names[gateway], epoch, stream), {})
            stored.copies += sequence in here
            here[sequence] = block
            if block.schema == SCHEMA.id:
                stored.order.append(int(block.values[0, 0]))
    finally:
        connection.close()
    catalogue = sqlite3.connect(f"file:{folder / 'catalogue.sqlite3'}?mode=ro", uri=True, timeout=10)
    try:
        asked = "SELECT gateway, epoch, stream, first, last, from_ms, to_ms FROM gap"
        for gateway, epoch, stream, *rest in catalogue.execute(asked):
            stored.gaps.setdefault((gateway, epoch, stream), []).append((rest[0], rest[1], rest[2], rest[3]))
        stored.aside = [tuple(row) for row in catalogue.execute("SELECT gateway, kind, reason FROM quarantine")]
    finally:
        catalogue.close()
    return stored
