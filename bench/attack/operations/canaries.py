"""This file looks for words in all that a center has on its disk; it guards that packed snapshots are opened for it."""

from collections.abc import Iterable
from pathlib import Path

from isolane.center.store.snapshot_inspection import inside

_ELSEWHERE = {"saved", "beside"}
"""Folders of backups: what is in them is old, and they expire as whoever keeps them says."""
_PACKED = {".mcap", ".part", ".wrong"}


def places(folder: Path, words: Iterable[bytes]) -> list[str]:
    """Give the files, but for backups, in which one of some words stands."""
    wanted, found = list(words), []
    for path in folder.rglob("*"):
        if not path.is_file() or _ELSEWHERE & set(path.parts):
            continue
        data = path.read_bytes()
        packed = list(inside(data)) if path.suffix in _PACKED else []
        if any(word in content for word in wanted for content in (data, *packed)):
            found.append(f"a word of somebody's stands in {path.name}")
    return found
