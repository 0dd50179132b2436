"""This file states what an intake needs of a telemetry store; it guards that a worker needs no store it can read."""

from typing import Protocol

from isolane.center.store.port import Batch, Committed


class TakesBatches(Protocol):
    """A `Telemetry`, or the inbox of one."""

    async def commit(self, batch: Batch) -> Committed:
        """See `Telemetry.commit`."""
        ...
