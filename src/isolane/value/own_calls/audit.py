"""This file writes the audit of own calls; it guards that nothing is asked before it is written down for good.

Constraints: JSON lines, appended and fsynced one by one, by one process (the file is locked). A line names the sha256
    of the line before it, so one that is changed, left out or put in shows with the next. What is cut off at the end
    does not show here: only somebody who keeps a later hash elsewhere can tell.
Layout: seq, at (UTC), charger, action, payload_sha256, reference, id (of the OCPP message, "" for none), outcome,
    previous (64 hex digits; zeros in a new file).
Operation: a line that a power cut left without its end is ended and stays; the next one names it as it stands. At
    `bytes_max` nothing more is written until somebody moves the file away.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from isolane.core.failures import IsolaneError

_FIRST: Final = "0" * 64
_TAIL_BYTES: Final = 65_536
"""Far above the longest line."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What happened; see the layout above."""

    at: str
    charger: str
    action: str
    payload_sha256: str
    reference: str
    id: str
    outcome: str


class AuditFile:
    """The file.

    Args:
        path: Where; its folder is made.
        bytes_max: See the top of this file.

    Raises:
        IsolaneError: It cannot be written, or another process writes it.
    """

    def __init__(self, path: Path, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._size = self._end = self._seq = 0
        self._previous = _FIRST
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._recover()
            _sync_folder(path.parent)
        except BlockingIOError as error:
            os.close(self._descriptor)
            raise IsolaneError(
                f"another process writes the audit {path}", "give each relay its own [value.own_calls] audit"
            ) from error
        except OSError as error:
            raise IsolaneError(
                f"cannot write the audit {path}: {error.strerror}", "choose another [value.own_calls] audit"
            ) from error

    def append(self, entry: Entry) -> None:
        """Write a line and wait until the disk has it.

        Raises:
            OSError: It has not; the file is as it was before, or nothing is written any more.
        """
        line = msgspec.json.encode({"seq": self._seq + 1, **msgspec.structs.asdict(entry), "previous": self._previous})
        if self._size + len(line) + 1 > self._bytes_max:
            raise OSError(f"the audit has {self._size} bytes")
        try:
            _write(self._descriptor, line + b"\n")
        except OSError:
            self._size = self._bytes_max  # until the file is whole again, nothing more
            os.ftruncate(self._descriptor, self._end)
            self._size = self._end
            raise
        self._end += len(line) + 1
        self._size = self._end
        self._seq += 1
        self._previous = hashlib.sha256(line).hexdigest()

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)

    def _recover(self) -> None:
        """Go on behind the last line."""
        size = os.fstat(self._descriptor).st_size
        tail = os.pread(self._descriptor, _TAIL_BYTES, max(0, size - _TAIL_BYTES))
        if tail and not tail.endswith(b"\n"):
            _write(self._descriptor, b"\n")
            tail += b"\n"
            size += 1
        self._end = self._size = size
        last = tail[:-1].rpartition(b"\n")[2]
        if tail:
            self._previous = hashlib.sha256(last).hexdigest()
        self._seq = max((_seq(line) for line in tail.split(b"\n")), default=0)


def first_break(lines: Iterable[bytes]) -> int | None:
    """Give the number, from 1, of the first line that does not name the one before it; None for a whole chain.

    Args:
        lines: Without their ends. A line that no JSON is (see the top of this file) is what it is; the next names it.
    """
    previous = _FIRST
    for number, line in enumerate(lines, 1):
        try:
            named = json.loads(line)["previous"]
        except (ValueError, KeyError, TypeError):
            named = previous
        if named != previous:
            return number
        previous = hashlib.sha256(line).hexdigest()
    return None


def _write(descriptor: int, data: bytes) -> None:
    if os.write(descriptor, data) != len(data):
        raise OSError("the disk is full")
    os.fsync(descriptor)


def _sync_folder(folder: Path) -> None:
    """Wait until the disk has the names in a folder.

    Raises:
        OSError: It has not.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _seq(line: bytes) -> int:
    try:
        seq = json.loads(line)["seq"]
    except (ValueError, KeyError, TypeError):
        return 0
    return seq if isinstance(seq, int) else 0
