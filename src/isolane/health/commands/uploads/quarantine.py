"""This file takes what a charger uploads; it guards that it is one file, no larger than it may be, and never opened.

A slot has a path and credentials that nobody can guess and that are good for one upload. The file's name is our own,
its mode 0600; what the charger calls it is a label. An upload that ends early is removed, and another may begin, a few
times, since chargers retry; one that begins while another is under way takes its place, since a charger that begins
anew has given the old one up. What a process that ended has left is removed by the next.
"""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SUFFIX: Final = ".upload"
_ATTEMPTS_MAX: Final = 5
_LABEL_CHARS_MAX: Final = 100
_ENDED: Final = "it has ended"
_ODD: Final = re.compile(r"[^A-Za-z0-9._-]+")


class UploadError(Exception):
    """It is not taken; the reason is for whoever waits for it."""


class NoRoomError(UploadError):
    """It is not taken: the disk refuses."""

    def __init__(self, error: Exception) -> None:
        super().__init__(f"the gateway's disk refuses it: {getattr(error, 'strerror', None) or error}")


@dataclass(frozen=True, slots=True)
class Upload:
    """What has come.

    Attributes:
        path: Where it waits.
        label: What the charger calls it, harmless characters alone.
        size: Bytes.
        sha256: Of them, hex.
    """

    path: Path
    label: str
    size: int
    sha256: str


class Slot:
    """Room for one upload.

    Args:
        folder: The quarantine.
        size_bytes_max: Of the file.
    """

    def __init__(self, folder: Path, size_bytes_max: int) -> None:
        self.token, self.user, self.password = (secrets.token_hex(size) for size in (16, 8, 16))
        self.size_bytes_max = size_bytes_max
        self.arrived: asyncio.Future[Upload] = asyncio.get_running_loop().create_future()
        self.why = ""
        """Why the last attempt has failed, "" while none has."""
        self._folder = folder
        self._attempts = 0
        self._current: Intake | None = None

    def admits(self, user: str, password: str) -> bool:
        """Tell whether these are the slot's credentials."""
        told, own = f"{user}:{password}".encode(), f"{self.user}:{self.password}".encode()
        return hmac.compare_digest(told, own)

    def admits_basic(self, header: bytes) -> bool:
        """Tell whether an Authorization header has the slot's credentials."""
        scheme, _, told = header.partition(b" ")
        own = base64.b64encode(f"{self.user}:{self.password}".encode())
        return scheme.lower() == b"basic" and hmac.compare_digest(told.strip(), own)

    def is_own(self, token: str) -> bool:
        """Tell whether a path is the slot's."""
        return hmac.compare_digest(token.encode(), self.token.encode())

    def begin(self, label: str) -> "Intake":
        """Begin an upload.

        Args:
            label: What the charger calls it.

        Raises:
            UploadError: One has come, too many failed, or the disk refuses.
        """
        if self.arrived.done() or self._attempts >= _ATTEMPTS_MAX:
            raise UploadError("there is no room for another")
        self._attempts += 1
        if self._current is not None:
            self._current.drop("another began meanwhile")
        try:
            self._current = Intake(self, self._folder / f"{secrets.token_hex(16)}{_SUFFIX}", harmless(label))
        except OSError as error:
            refused = NoRoomError(error)
            self.why = str(refused)
            raise refused from error
        return self._current

    def close(self) -> None:
        """Take nothing more, and remove what has come."""
        if self._current is not None:
            self._current.drop("nobody waits for it any more")
        if self.arrived.done() and not self.arrived.cancelled():
            self.arrived.result().path.unlink(missing_ok=True)
        self.arrived.cancel()


class Intake:
    """An upload under way. Ends with `done` or `drop`; both may come, the first counts.

    Args:
        slot: Of which.
        path: Of the file, which is not there yet.
        label: What the charger calls it.

    Raises:
        OSError: The file cannot be made.
    """

    def __init__(self, slot: Slot, path: Path, label: str) -> None:
        self._slot, self._path, self._label = slot, path, label
        self._size, self._sum = 0, hashlib.sha256()
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")
        self._is_over = False

    async def write(self, data: bytes) -> None:
        """Take some bytes.

        Raises:
            UploadError: They are too many, or the disk refuses; the upload has failed.
        """
        if self._is_over:
            raise UploadError(_ENDED)
        if self._size + len(data) > self._slot.size_bytes_max:
            self.drop(why := f"it is larger than {self._slot.size_bytes_max} bytes")
            raise UploadError(why)
        self._size += len(data)
        self._sum.update(data)
        try:
            await asyncio.to_thread(self._file.write, data)
        except ValueError as error:  # it was dropped meanwhile
            raise UploadError(_ENDED) from error
        except OSError as error:
            refused = NoRoomError(error)
            self.drop(str(refused))
            raise refused from error

    def done(self) -> None:
        """All of it has come.

        Raises:
            UploadError: It has failed before, or the disk refuses the rest of it.
        """
        if self._is_over:
            raise UploadError(_ENDED)
        try:
            self._file.flush()
        except OSError as error:
            refused = NoRoomError(error)
            self.drop(str(refused))
            raise refused from error
        self._is_over = True
        self._file.close()
        self._slot.arrived.set_result(Upload(self._path, self._label, self._size, self._sum.hexdigest()))

    def drop(self, why: str) -> None:
        """It has failed: nothing of it is kept but why."""
        if self._is_over:
            return
        self._is_over = True
        self._slot.why = f"{why}, after {self._size} bytes"
        self._path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._file.close()


def harmless(label: str) -> str:
    """Give what may be kept of a name of the charger's choosing."""
    return _ODD.sub("-", label.rpartition("/")[2])[:_LABEL_CHARS_MAX].strip("-.") or "log"


def prepare(folder: Path) -> None:
    """Make the quarantine and remove what an earlier process has left there.

    Raises:
        OSError: It cannot be made.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in folder.glob(f"*{_SUFFIX}"):
        left.unlink(missing_ok=True)
