"""This file states the port through which snapshots are read and removed; it guards that a path follows from the table.

Whoever acts is named by the caller and stands in the audit with what was done.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from isolane.center.store.snapshot_views import Erased, Snapshot, SnapshotPage, SnapshotQuery


class HeldError(Exception):
    """A snapshot stays because somebody holds it."""


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

    async def hold(self, identity: str, who: str, why: str) -> Snapshot | None:
        """Keep one from going for want of room; None if it is not known."""
        ...

    async def let_go(self, identity: str, who: str) -> Snapshot | None:
        """End the hold of one; None if it is not known."""
        ...

    async def delete(self, identity: str, who: str) -> bool:
        """Delete one, card and file; what still comes of it is refused. Tells whether it was known.

        Raises:
            HeldError: Somebody holds it.
        """
        ...

    async def erase(self, subject: Mapping[str, str], sites: frozenset[str] | None, who: str) -> Erased:
        """Delete all of a subject that nobody holds.

        Args:
            subject: Site, pseudonym of a transaction, or both, by those names.
            sites: Only of these.
            who: Who says so.
        """
        ...
