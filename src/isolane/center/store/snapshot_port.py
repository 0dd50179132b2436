"""This file states the port through which snapshots are read; it guards that a path follows from what is kept alone."""

from pathlib import Path
from typing import Protocol

from isolane.center.store.snapshot_views import Snapshot, SnapshotPage, SnapshotQuery


class Snapshots(Protocol):
    """Snapshots and their files. All calls raise `OSError` when the store is away."""

    async def page(self, query: SnapshotQuery) -> SnapshotPage:
        """Give snapshots that match, the last known first."""
        ...

    async def one(self, identity: str) -> Snapshot | None:
        """Give one; None if it is not known, also when the text is no id."""
        ...

    def path_of(self, snapshot: Snapshot) -> Path | None:
        """Give the whole file of one; None while it is not here."""
        ...
