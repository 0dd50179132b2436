"""This file has the versions of a box on its disk; it guards that after a power cut one whole version is in force.

    ROOT/versions/0.2.0/       an own virtual environment; whole once `release.jws` is in it, which comes last
    ROOT/current -> versions/0.2.0     in force: what the units start
    ROOT/trial -> versions/0.1.0       only while `current` is not proven: what to go back to
    ROOT/previous -> versions/0.1.0    what was in force before
    ROOT/seen                  greatest number and latest time of issue of all releases that were ever in force here

Constraints: a link is changed by a rename, and the folder is flushed before the next step; what a link leads to was
    flushed before. A turn is: `trial` is made, `current` is replaced, the units prove it, `trial` is renamed to
    `previous`. To go back, `trial` is renamed to `current`: one step, which a unit does at each start of the box with
    plain `mv`, so it takes no working version of isolane. What is half is not whole, not linked, and removed later.
"""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from isolane.core.durable import replace_file
from isolane.core.failures import IsolaneError

RELEASE_FILE: Final = "release.jws"
_SPARE: Final = "next"


class Seen(msgspec.Struct, frozen=True):
    """The greatest number, and the latest time of issue (UTC, s), of the releases that were in force."""

    number: int = 0
    issued: int = 0


class Versions:
    """The versions of a box.

    Args:
        root: Where they are.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._folder = self._root / "versions"

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Be the only one who updates.

        Raises:
            IsolaneError: Somebody else does, or the folder cannot be written.
        """
        try:
            self._folder.mkdir(mode=0o755, parents=True, exist_ok=True)
            descriptor = os.open(self._root / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise IsolaneError(f"cannot write {self._root}: {error.strerror}", "run this as root") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise IsolaneError("another update is under way", "wait until it has ended") from None
        finally:
            os.close(descriptor)

    def place(self, version: str) -> Path:
        """Give the folder of a version."""
        return self._folder / version

    def is_whole(self, version: str) -> bool:
        """Tell whether a version is there, whole."""
        return (self.place(version) / RELEASE_FILE).is_file()

    def linked(self, name: str) -> str | None:
        """Give the version that `current`, `trial` or `previous` leads to, None where there is no such link."""
        try:
            return (self._root / name).readlink().name
        except OSError:
            return None

    def tidy(self, spared: str = "") -> list[str]:
        """Remove what is half, and what no link leads to, but for one that is whole; give the names."""
        kept = {self.linked(name) for name in ("current", "trial", "previous")}
        kept |= {spared} if self.is_whole(spared) else set()
        removed = [each for each in sorted(self._folder.iterdir()) if each.name not in kept]
        for each in removed:
            (each / RELEASE_FILE).unlink(missing_ok=True)
            flush(each)
            shutil.rmtree(each)
        (self._root / _SPARE).unlink(missing_ok=True)
        return [each.name for each in removed]

    def finish(self, version: str, release: bytes) -> None:
        """Say that a version is whole: all of it goes to the disk, and only then its release."""
        place = self.place(version)
        flush_all(place)
        flush(self._folder)
        replace_file(place / RELEASE_FILE, release)

    def begin_trial(self, version: str) -> None:
        """Put a version in force until it is proven or taken back."""
        before = self.linked("current")
        if before is not None:
            self._link("trial", before)
        self._link("current", version)

    def end_trial(self) -> None:
        """Say that what is in force is proven."""
        if self.linked("trial") is not None:
            self._rename("trial", "previous")

    def go_back(self) -> str | None:
        """Take back what was not proven; give the version in force, None where there was nothing to take back."""
        if self.linked("trial") is None:
            return None
        self._rename("trial", "current")
        return self.linked("current")

    def seen(self) -> Seen:
        """Give what was seen.

        Raises:
            IsolaneError: The file is damaged.
        """
        try:
            return msgspec.json.decode((self._root / "seen").read_bytes(), type=Seen)
        except FileNotFoundError:
            return Seen()
        except (OSError, msgspec.DecodeError) as error:
            raise IsolaneError(
                f"cannot read {self._root / 'seen'}: {error}",
                "put it back from a backup; without it old releases count",
            ) from error

    def see(self, number: int, issued: int) -> None:
        """Remember a release; what was seen never becomes less."""
        before = self.seen()
        now = Seen(max(number, before.number), max(issued, before.issued))
        if now != before:
            replace_file(self._root / "seen", msgspec.json.encode(now))

    def _link(self, name: str, version: str) -> None:
        spare = self._root / _SPARE
        spare.unlink(missing_ok=True)
        spare.symlink_to(Path("versions", version))
        self._rename(_SPARE, name)

    def _rename(self, name: str, to: str) -> None:
        (self._root / name).replace(self._root / to)
        flush(self._root)


def flush(path: Path) -> None:
    """Have the disk hold a file's content or a folder's names."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def flush_all(folder: Path) -> None:
    """Have the disk hold a folder and all that is in it."""
    for path, _, names in os.walk(folder, topdown=False):
        for name in names:
            if not (Path(path) / name).is_symlink():
                flush(Path(path, name))
        flush(Path(path))
