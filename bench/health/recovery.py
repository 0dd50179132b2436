"""This file measures how fast a gateway catches up; it guards that the center has every sample before the clock stops.

An outbox is filled with hours of a site's blocks, as an outage leaves them; then the real gateway is started under a
cap and drained. What 72 hours take follows from the bytes and the rate that were measured.
"""

import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from bench.health import gateway as product
from bench.health.signals import I64
from bench.health.tap import Tap

from isolane.core.clock import SystemClock
from isolane.core.signals import Signal
from isolane.health.outbox.records import Draft
from isolane.health.outbox.settings import OutboxSettings
from isolane.health.outbox.store import Store
from isolane.wire.block import gateway_tag
from isolane.wire.schema import Schema

CAP_KBIT_S = 256
OUTAGE_S = 72 * 3600
_ROWS = 60
_DRAIN_S = 300.0
_HOST = '[health.budget]\nrate_kbit_s = {cap}\n[[health.sources]]\ntype = "host"\nperiod_s = 10\n'


@dataclass(frozen=True)
class Recovery:
    """What a drain has shown.

    Attributes:
        backlog_s: Seconds of a site that waited.
        samples: In it.
        drain_s: How long it took.
        carried_bytes: Both ways, TLS included.
    """

    backlog_s: int
    samples: int
    drain_s: float
    carried_bytes: int

    @property
    def bytes_s(self) -> float:
        """The rate, bytes of TCP payload a second."""
        return self.carried_bytes / self.drain_s

    @property
    def bytes_sample(self) -> float:
        """Bytes for a sample."""
        return self.carried_bytes / self.samples

    @property
    def outage_hours(self) -> float:
        """How long 72 hours take beside what the site goes on to produce, h."""
        samples_s = self.samples / self.backlog_s
        spare = self.bytes_s - samples_s * self.bytes_sample
        return OUTAGE_S * samples_s * self.bytes_sample / spare / 3600


def recover(folder: Path, who: product.Names, signals: tuple[Signal, ...], values: I64) -> Recovery:
    """Fill an outbox, drain it.

    Raises:
        SystemExit: It is not empty within five minutes.
    """
    with ExitStack() as stack:
        port = product.broker(stack, folder, who)
        product.center(stack, folder, who, port)
        tap = stack.enter_context(Tap(port))
        samples = _fill(folder / "outbox.db", signals, values)
        process = product.gateway(stack, folder, who, tap.port, _ROWS, _HOST.format(cap=CAP_KBIT_S))
        process.wait_for("link-up")
        begun = time.monotonic()
        while process.metrics()['isolane_health_samples_total{reason="",state="acknowledged"}'] < samples:
            if time.monotonic() - begun > _DRAIN_S:
                raise SystemExit(f"the outbox did not drain:\n{process.text[-2000:]}")
            time.sleep(0.2)
        return Recovery(values.shape[1], samples, time.monotonic() - begun, tap.carried.both)


def _fill(path: Path, signals: tuple[Signal, ...], values: I64) -> int:
    schema = Schema.of(signals)
    tag = gateway_tag(product.SITE, product.GATEWAY)
    store = Store(OutboxSettings(path=path), tag, SystemClock(), schema, frozenset({"mqtt"}))
    store.open()
    start_ms = time.time_ns() // 1_000_000 // 1000 * 1000 - values.shape[1] * 1000
    samples = 0
    for at in range(0, values.shape[1], _ROWS):
        block = np.ascontiguousarray(values[:, at : at + _ROWS])
        store.put(Draft(schema.id, start_ms + at * 1000, 1000, block, np.zeros(block.shape, np.uint8)))
        samples += block.size
    store.close()
    return samples
