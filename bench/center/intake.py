"""This file brings blocks through the real intake into a store; it guards that only what is acknowledged is counted."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bench.center.samples import GATEWAY, SITE

from isolane.center.ingest.counters import IngestCounters
from isolane.center.ingest.intake import Intake
from isolane.center.ingest.settings import CommitSettings
from isolane.center.store.port import Catalogue, Telemetry
from isolane.wire.schema import Schema
from isolane.wire.uplink import Up

_UNDER_WAY = 256
"""As many links bring at once; a commit takes what is there."""


@dataclass(frozen=True)
class Pace:
    """How fast samples were taken.

    Attributes:
        samples: How many.
        wall_s: Until the last one was acknowledged.
        cpu_s: Processor time of all that stored them.
    """

    samples: int
    wall_s: float
    cpu_s: float

    @property
    def per_core(self) -> float:
        """Samples for a second of one core."""
        return self.samples / self.cpu_s


@asynccontextmanager
async def opened(catalogue: Catalogue, telemetry: Telemetry) -> AsyncIterator[Intake]:
    """Run an intake over a store."""
    intake = Intake(catalogue, telemetry, CommitSettings(), IngestCounters())
    running = asyncio.create_task(intake.run())
    try:
        yield intake
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def brought(intake: Intake, schema: Schema, blocks: Sequence[bytes], samples: int) -> Pace:
    """Commit blocks of one gateway and measure it; `cpu_s` is of this process alone.

    Raises:
        SystemExit: One of them was not acknowledged.
    """
    await intake.receive(SITE, GATEWAY, Up.SCHEMA, schema.json)
    wall, cpu = time.perf_counter(), time.process_time()
    for at in range(0, len(blocks), _UNDER_WAY):
        part = blocks[at : at + _UNDER_WAY]
        answers = await asyncio.gather(*(intake.receive(SITE, GATEWAY, Up.BLOCK, data) for data in part))
        acknowledged = sum(len(ack.blocks) for answer in answers for ack in answer.downlink.acks)
        if acknowledged != len(part):
            raise SystemExit(f"center: only {acknowledged} of {len(part)} blocks were acknowledged")
    return Pace(samples, time.perf_counter() - wall, time.process_time() - cpu)
