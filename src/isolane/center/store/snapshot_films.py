"""This file opens snapshots for those who look at them; it guards that one is opened at a time, and not for each look.

Opening is work of seconds at worst, on a thread; the last few that were opened are kept.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from isolane.center.store.snapshot_film import Film, Verification, open_film, write_report
from isolane.center.store.snapshot_inspection import FILE_BYTES_MAX
from isolane.center.store.snapshot_port import Snapshots
from isolane.center.store.snapshot_settings import SnapshotSettings
from isolane.center.store.snapshot_views import FileState, Snapshot
from isolane.security.signing import Verifier

_LOG = logging.getLogger(__name__)
KEPT: Final = 3
_REPORTS = 2
_Kept = TypeVar("_Kept")


class SnapshotFilms:
    """Opened snapshots.

    Args:
        snapshots: Where they are.
        settings: Keys that the center trusts.

    Raises:
        IsolaneError: A key cannot be read.
    """

    def __init__(self, snapshots: Snapshots, settings: SnapshotSettings) -> None:
        self._snapshots = snapshots
        self._keys = {gateway: Verifier.load(path) for gateway, path in settings.keys.items()}
        self._films: OrderedDict[str, Film] = OrderedDict()
        self._reports: OrderedDict[str, str | None] = OrderedDict()
        self._turn = asyncio.Lock()

    async def film(self, snapshot: Snapshot) -> Film:
        """Give what is in a snapshot's file; nothing while that is not here.

        Raises:
            OSError: The file cannot be read.
        """
        path = self._snapshots.path_of(snapshot)
        if path is None:
            faults = ["its parts came, and their sum is not the file's"] if snapshot.file == FileState.WRONG else []
            return Film(Verification(faults=faults))
        key = self._keys.get(snapshot.gateway)
        return await self._once(self._films, KEPT, snapshot, lambda: _open(path, snapshot, key))

    async def report(self, snapshot: Snapshot) -> str | None:
        """Give the incident report; None while the file is not here, or if it cannot be opened.

        Raises:
            OSError: The file cannot be read.
        """
        path, key = self._snapshots.path_of(snapshot), self._keys.get(snapshot.gateway)
        if path is None:
            return None
        return await self._once(self._reports, _REPORTS, snapshot, lambda: write_report(_bytes(path), key))

    async def _once(
        self, kept: OrderedDict[str, _Kept], most: int, snapshot: Snapshot, make: Callable[[], _Kept]
    ) -> _Kept:
        async with self._turn:
            if snapshot.id not in kept:
                kept[snapshot.id] = await asyncio.to_thread(make)
            kept.move_to_end(snapshot.id)
            while len(kept) > most:
                kept.popitem(last=False)
            return kept[snapshot.id]


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(FILE_BYTES_MAX + 1)


def _open(path: Path, snapshot: Snapshot, key: Verifier | None) -> Film:
    """Open a file, and log what is doubtful."""
    film = open_film(_bytes(path), snapshot, key)
    found = film.verification
    if found.faults or found.signature in {"bad", "other-key"}:
        told = (snapshot.gateway, snapshot.id, found.signature, len(found.faults))
        _LOG.warning("snapshot-doubtful gateway=%s id=%s signature=%s faults=%d", *told)
    return film
