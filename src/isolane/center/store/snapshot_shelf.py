"""This file keeps the files of snapshots; it guards that a name on the disk is made of checked letters alone.

``<site>/<gateway>/<id>.part`` while parts come, each written at its place; ``.mcap`` once all are there and the sum is
right; ``.wrong`` if it is not. Each step can be repeated: a part that is written twice is the same, a file that has
its last name already is looked at again. What is written is on the disk when a call returns.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from isolane.center.store.snapshot_views import FileState
from isolane.wire.snapshot import CHUNK_BYTES, Chunk, is_snapshot

SUFFIXES: Final[Mapping[str, str]] = {
    FileState.PARTS: ".part",
    FileState.WHOLE: ".mcap",
    FileState.WRONG: ".wrong",
}
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

Place = tuple[str, str, str]
"""Site, gateway, id."""


class SnapshotShelf:
    """The folder of snapshots.

    Args:
        folder: Is made when the first part comes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, place: Place, state: str) -> Path:
        """Give the file of a snapshot in a state of `SUFFIXES`.

        Raises:
            ValueError: It is no id.
        """
        site, gateway, identity = place
        if not is_snapshot(identity):
            raise ValueError("no snapshot's id")
        return self._folder / _plain(site) / _plain(gateway) / f"{identity}{SUFFIXES[state]}"

    def write(self, place: Place, chunks: Iterable[Chunk]) -> None:
        """Write parts of one file at their places, and flush them to the disk.

        Raises:
            OSError: The disk does not take them.
        """
        path = self.path(place, FileState.PARTS)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_new = not path.exists()
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            for chunk in chunks:
                os.ftruncate(handle, chunk.size)
                view, at = memoryview(chunk.data), chunk.number * CHUNK_BYTES
                while view:
                    written = os.pwrite(handle, view, at)
                    view, at = view[written:], at + written
            os.fsync(handle)
        finally:
            os.close(handle)
        if is_new:
            self.path(place, FileState.WRONG).unlink(missing_ok=True)  # of an earlier upload
            for folder in (path.parent, path.parent.parent, self._folder):
                _flush(folder)

    def close(self, place: Place, sha256: bytes) -> str:
        """Give a file of which all parts are there its last name; tells the state it is in then.

        Raises:
            OSError: The disk cannot be read or written.
        """
        part = self.path(place, FileState.PARTS)
        if part.exists():
            is_right = _sha256(part) == sha256
            state = FileState.WHOLE if is_right else FileState.WRONG
            part.replace(self.path(place, state))
            _flush(part.parent)
            return state
        for state in (FileState.WHOLE, FileState.WRONG):  # killed before the book knew
            path = self.path(place, state)
            if path.exists() and (state is FileState.WRONG or _sha256(path) == sha256):
                return state
        return FileState.LOST

    def remove(self, places: Iterable[Place]) -> None:
        """Remove all that there is of snapshots."""
        for place in places:
            for state in SUFFIXES:
                self.path(place, state).unlink(missing_ok=True)

    def sweep(self, known: Mapping[Place, str]) -> set[Place]:
        """Remove what no snapshot is known of, and files of a state that has passed.

        Args:
            known: State of each snapshot that is to have a file.

        Returns:
            Those whose file is not there.
        """
        wanted = {self.path(place, state): place for place, state in known.items()}
        found = {path for path in self._folder.rglob("*") if path.is_symlink() or not path.is_dir()}
        for path in found - wanted.keys():
            path.unlink(missing_ok=True)
        return {place for path, place in wanted.items() if path not in found}


def _plain(name: str) -> str:
    """Give a site's or gateway's name as a name of a folder; one that could lead elsewhere as its sum."""
    if _PLAIN.fullmatch(name):
        return name
    return f"_{hashlib.sha256(name.encode(errors='surrogatepass')).hexdigest()[:32]}"


def _sha256(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
