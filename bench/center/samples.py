"""This file makes what is stored; it guards that every store is given the same samples.

They are the simulated DC charger's, as in `bench.health`: real physics, a seed, and the steps and noise of its sensors.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from bench.health.signals import I64, chargers, signals, take
from numpy.typing import NDArray

from isolane.core.signals import Signal
from isolane.wire.block import Block, BlockKey, encode, gateway_tag
from isolane.wire.schema import Schema

SITE, GATEWAY = "depot", "gw-1"
STEP_MS = 1000


@dataclass(frozen=True)
class History:
    """What one gateway has sampled at 1 Hz.

    Attributes:
        chargers: Of 50 signals each.
        from_ms: UTC of the first row.
        values: Scaled integers, shape (columns, rows).
    """

    chargers: int
    from_ms: int
    values: I64

    @classmethod
    def lived(cls, count: int, from_ms: int, rows: int) -> "History":
        """Let a site of chargers live for so many seconds."""
        return cls(count, from_ms, take(chargers(count), rows))

    @cached_property
    def signals(self) -> tuple[Signal, ...]:
        """Its columns."""
        return signals(self.chargers)

    @cached_property
    def schema(self) -> Schema:
        """Its columns as they are told."""
        return Schema.of(self.signals)

    @property
    def samples(self) -> int:
        """How many there are."""
        return int(np.size(self.values))

    @property
    def to_ms(self) -> int:
        """UTC after the last row."""
        return self.from_ms + int(np.size(self.values, 1)) * STEP_MS

    def part(self, first: int, last: int) -> "History":
        """Give some of its rows."""
        return History(self.chargers, self.from_ms + first * STEP_MS, self.values[:, first:last])

    def pieces(self, rows: int) -> Iterator["History"]:
        """Cut it in parts of so many rows."""
        for at in range(0, self.values.shape[1], rows):
            yield self.part(at, at + rows)

    def blocks(self, stream: int, rows: int) -> list[bytes]:
        """Pack it in blocks of so many rows."""
        tag = gateway_tag(SITE, GATEWAY)
        return [
            encode(
                Block(
                    BlockKey(self.from_ms, stream, number),
                    self.schema.id,
                    piece.from_ms,
                    STEP_MS,
                    np.ascontiguousarray(piece.values),
                    np.zeros(piece.values.shape, np.uint8),
                ),
                tag,
            )
            for number, piece in enumerate(self.pieces(rows), 1)
        ]


def keys() -> tuple[str, ...]:
    """Give the signals that a chart shows: what is looked at first."""
    return ("1.0/EVSE/Power", "1.0/EVSE/DCVoltage", "1.0/EVSE/DCCurrent", "1.0/TemperatureSensor[Handle]/Temperature")


def walk(columns: int, rows: int) -> NDArray[np.int64]:
    """Give random walks, for what is asked about and not weighed."""
    return np.random.default_rng(1).integers(-2, 3, (columns, rows)).cumsum(1) + 5000
