"""This file is a center that dies at a chosen moment; it guards that the moment is exact.

It dies between a commit and the step after it. Arguments: data folder, whose commit (``telemetry`` or ``catalogue``),
then files, each the bytes of one message, its kind as the suffix.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from isolane.center.ingest.counters import IngestCounters
from isolane.center.ingest.intake import Intake
from isolane.center.ingest.settings import CommitSettings
from isolane.center.store.catalogue import SqlCatalogue
from isolane.center.store.database import open_database
from isolane.center.store.embedded import EmbeddedTelemetry
from isolane.center.store.port import Batch, Committed
from isolane.center.store.settings import StoreSettings
from isolane.wire.uplink import Up


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DyingTelemetry(EmbeddedTelemetry):
    """Dies when its commit is durable."""

    async def commit(self, batch: Batch) -> Committed:
        """Commit, die."""
        committed = await super().commit(batch)
        _die()
        return committed


class DyingCatalogue(SqlCatalogue):
    """Dies when its record is durable, before anything is acknowledged."""

    async def record(self, batch: Batch) -> frozenset[bytes]:
        """Record, die."""
        wanted = await super().record(batch)
        _die()
        return wanted


async def _main(folder: Path, place: str, files: list[Path]) -> None:
    engine = open_database(folder / "catalogue.sqlite3")
    catalogue = DyingCatalogue(engine) if place == "catalogue" else SqlCatalogue(engine)
    kind = DyingTelemetry if place == "telemetry" else EmbeddedTelemetry
    telemetry = kind(folder / "telemetry", StoreSettings())
    intake = Intake(catalogue, telemetry, CommitSettings(window_ms=100), IngestCounters())
    promises = [await intake.submit("depot", "gw-1", Up(file.suffix[1:]), file.read_bytes()) for file in files]
    running = asyncio.create_task(intake.run())
    await asyncio.gather(running, *promises)


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), sys.argv[2], [Path(file) for file in sys.argv[3:]]))
