"""This file is a gateway as the center sees it; it guards that all tests of the center speak with the same messages."""

import numpy as np
from numpy.typing import ArrayLike

from isolane.center.store.port import BlockArrival, GapArrival, LedgerArrival, Origin, SchemaArrival
from isolane.core.signals import Signal
from isolane.wire.block import Block, BlockKey, encode, gateway_tag
from isolane.wire.schema import Schema
from isolane.wire.uplink import Gap, LedgerEntry, LedgerStatement

T0_MS = 1_700_000_040_000
"""A whole minute."""
GOOD, STALE, TIMEOUT = 0, 1, 2 << 2 | 2
"""Quality codes."""


def power(charger: str = "CP-1") -> Signal:
    return Signal(charger, "1.0/EVSE/Power", "W", 1.0)


def voltage(charger: str = "CP-1") -> Signal:
    return Signal(charger, "1.0/EVSE/DCVoltage", "V", 0.1)


class FakeGateway:
    """Numbers blocks and packs them."""

    def __init__(self, site: str = "depot", name: str = "gw-1", epoch: int = T0_MS) -> None:
        self.site = site
        self.name = name
        self.epoch = epoch
        self._sequence: dict[int, int] = {}

    def origin(self, received_ms: int = T0_MS) -> Origin:
        return Origin(self.site, self.name, received_ms)

    def schema(self, *signals: Signal, received_ms: int = T0_MS) -> SchemaArrival:
        return SchemaArrival(self.origin(received_ms), Schema.of(signals or (power(), voltage())))

    def block(
        self,
        schema: Schema,
        values: ArrayLike,
        codes: ArrayLike | None = None,
        *,
        t0_ms: int = T0_MS,
        step_ms: int = 1000,
        stream: int = 1,
        sequence: int | None = None,
        received_ms: int | None = None,
    ) -> BlockArrival:
        number = self._sequence.get(stream, 0) + 1 if sequence is None else sequence
        self._sequence[stream] = max(number, self._sequence.get(stream, 0))
        array = np.array(values, np.int64)
        marks = np.zeros(array.shape, np.uint8) if codes is None else np.array(codes, np.uint8)
        array[(marks & 3) == 2] = 0
        key = BlockKey(self.epoch, stream, number)
        block = Block(key, schema.id, t0_ms, step_ms, array, marks, floats=schema.floats)
        data = encode(block, gateway_tag(self.site, self.name))
        return BlockArrival(self.origin(t0_ms if received_ms is None else received_ms), block, data, len(data))

    def gap(
        self, first: int, last: int, from_ms: int = T0_MS, to_ms: int = T0_MS, *, stream: int = 1, samples: int = 0
    ) -> GapArrival:
        gap = Gap(1, self.epoch, stream, first, last, samples, "outbox-full", from_ms, to_ms)
        return GapArrival(self.origin(to_ms), gap)

    def statement(
        self, last: int, produced: int, *, queued: int = 0, dropped: int = 0, at_ms: int = T0_MS
    ) -> LedgerArrival:
        lost = {"outbox-full": dropped} if dropped else {}
        entry = LedgerEntry(self.epoch, 1, last, produced, produced - queued - dropped, queued, 0, lost)
        return LedgerArrival(self.origin(at_ms), LedgerStatement(1, at_ms, (entry,)))
