"""This file makes what the center's tests share: blocks, schemas and an open store; it guards that all tests mean the same."""

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.port import Batch, BlockArrival, GapArrival, Origin, SchemaArrival
from isolane.center.store.settings import StoreSettings
from isolane.core.signals import Signal
from isolane.wire.block import Block, BlockKey, encode, gateway_tag
from isolane.wire.schema import Schema
from isolane.wire.uplink import Gap

T0_MS = 1_700_000_040_000
"""A whole minute."""


class Gateway:
    """A gateway as the center sees it: numbers blocks and packs them."""

    def __init__(self, site: str = "depot", name: str = "gw-1", epoch: int = T0_MS) -> None:
        self.site = site
        self.name = name
        self.epoch = epoch
        self._sequence: dict[int, int] = {}

    def origin(self, received_ms: int = T0_MS) -> Origin:
        return Origin(self.site, self.name, received_ms)

    def schema(self, *signals: Signal, received_ms: int = T0_MS) -> SchemaArrival:
        return SchemaArrival(self.origin(received_ms), Schema.of(signals))

    def block(
        self,
        schema: Schema,
        values: Sequence[Sequence[int]],
        codes: Sequence[Sequence[int]] | None = None,
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
        block = Block(BlockKey(self.epoch, stream, number), schema.id, t0_ms, step_ms, array, marks)
        data = encode(block, gateway_tag(self.site, self.name))
        return BlockArrival(self.origin(t0_ms if received_ms is None else received_ms), block, data)

    def gap(self, first: int, last: int, from_ms: int, to_ms: int, *, stream: int = 1, samples: int = 0) -> GapArrival:
        gap = Gap(1, self.epoch, stream, first, last, samples, "outbox-full", from_ms, to_ms)
        return GapArrival(self.origin(to_ms), gap)


def power(charger: str = "CP-1") -> Signal:
    return Signal(charger, "1.0/EVSE/Power", "W", 1.0)


def voltage(charger: str = "CP-1") -> Signal:
    return Signal(charger, "1.0/EVSE/DCVoltage", "V", 0.1)


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


@pytest.fixture
def make_gateway() -> type[Gateway]:
    return Gateway


Open = Callable[..., EmbeddedTelemetry]


@pytest.fixture
async def open_telemetry(tmp_path: Path) -> AsyncIterator[Open]:
    """Opens the store in the test's folder; what is still open is closed at the end."""
    opened: list[EmbeddedTelemetry] = []

    def open_one(**settings: float) -> EmbeddedTelemetry:
        store = EmbeddedTelemetry(tmp_path / "telemetry", StoreSettings(**settings))  # type: ignore[arg-type]
        opened.append(store)
        return store

    yield open_one
    for store in opened:
        await store.close()
