"""This file writes the audit of commands; it guards that nothing is done before the disk has what is done.

Constraints: ``journal.jsonl`` holds the lines of `security.audit`, appended and fsynced one by one by one process;
    ``checkpoints.jsonl`` the gateway's signed checkpoints, one JSON string a line. A line that a power cut left without
    its end was never answered for and is cut off. At `bytes_max` nothing more is written until somebody exports both
    files and moves them away.
Operation: opening reads all of it, and refuses a journal that does not fit its own chain or last checkpoint: whoever
    changed it would otherwise be signed for. A write that fails leaves the file as it was, or closes it for good.
"""

import fcntl
import json
import os
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from isolane.core.clock import NS_PER_S, Clock
from isolane.core.failures import IsolaneError
from isolane.security.audit import FIRST, check, write_line
from isolane.security.checkpoint import Checkpoint, Cosigns, sign
from isolane.security.merkle import Tree

LINES, NOTES = "journal.jsonl", "checkpoints.jsonl"
EVERY_S: Final = 300
EVERY_ENTRIES: Final = 256
BYTES_MAX: Final = 64 << 20
"""Some 220,000 lines of 300 bytes: a year at ten commands an hour."""
_PROVABLE: Final = 256
"""Newest lines that are held in memory, for proofs that go out with receipts."""


class JournalError(Exception):
    """The disk did not take it."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A checkpoint, and what proves that its tree has a line; line and path are empty where that line is not held."""

    note: str
    line: str
    path: tuple[str, ...]


UNPROVED: Final = Proof("", "", ())
"""Of a result that goes out without a checkpoint."""


class Journal:
    """The audit.

    Args:
        folder: Where; made if it is not there.
        gateway: Name of the gateway; its key signs under it.
        signer: The gateway's key.
        clock: The clock.
        bytes_max: See the top of this file.

    Raises:
        IsolaneError: It cannot be written, another process writes it, or it is not what was written.
    """

    def __init__(self, folder: Path, gateway: str, signer: Cosigns, clock: Clock, bytes_max: int = BYTES_MAX) -> None:
        self.origin = origin(gateway)
        self._gateway, self._signer, self._clock, self._bytes_max = gateway, signer, clock, bytes_max
        self._tree, self._previous, self._is_broken = Tree(), FIRST, False
        self._noted_entries, self._noted_mono_ns = 0, clock.mono_ns()
        self._newest: deque[tuple[int, bytes]] = deque(maxlen=_PROVABLE)
        self.note = ""
        self._lock = threading.Lock()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lines = _open(folder / LINES)
        except OSError as error:
            raise IsolaneError(f"cannot write the audit in {folder}: {error.strerror}", "see whose it is") from error
        try:
            fcntl.flock(self._lines, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._notes = _open(folder / NOTES)
            _sync_folder(folder)
        except OSError as error:
            os.close(self._lines)
            raise IsolaneError(f"cannot write the audit in {folder}: {error.strerror}", "see whose it is") from error
        try:
            self._recover(folder)
        except IsolaneError:
            self.close()
            raise

    def __len__(self) -> int:
        """Count its entries."""
        return len(self._tree)

    def append(self, kind: str, facts: Mapping[str, object]) -> int:
        """Write a line and wait until the disk has it.

        Args:
            kind: What happened.
            facts: What else is to be known of it.

        Returns:
            Its number.

        Raises:
            JournalError: The disk has it not.
        """
        with self._lock:
            return self._append(kind, facts)

    def _append(self, kind: str, facts: Mapping[str, object]) -> int:
        number = len(self._tree)
        told = {"at": self._clock.utc_ns() // (NS_PER_S // 1000), "kind": kind, **facts}
        line = write_line(number, self._previous, told)
        self._write(self._lines, line)
        self._previous = self._tree.append(line).hex()
        self._newest.append((number, line))
        return number

    def is_due(self) -> bool:
        """Tell whether a checkpoint is due."""
        new = len(self._tree) - self._noted_entries
        age_ns = self._clock.mono_ns() - self._noted_mono_ns
        return new >= EVERY_ENTRIES or (new > 0 and age_ns >= EVERY_S * NS_PER_S)

    def checkpoint(self) -> str:
        """Sign all that is written so far, unless that is done, and wait until the disk has it.

        Returns:
            The newest checkpoint, "" for an empty journal.

        Raises:
            JournalError: The disk has it not.
        """
        with self._lock:
            return self._checkpoint()

    def prove(self, number: int) -> Proof:
        """Sign all that is written so far, and prove that a line is among it.

        Args:
            number: Of one of the newest lines.

        Raises:
            JournalError: The disk does not have the checkpoint.
        """
        with self._lock:
            note = self._checkpoint()
            line = next((line for at, line in self._newest if at == number), None)
            if line is None:
                return Proof(note, "", ())
            path = self._tree.inclusion(number, self._noted_entries)
            return Proof(note, line.decode(), tuple(each.hex() for each in path))

    def consistency(self, old: int, new: int) -> list[bytes]:
        """Prove that the first `new` lines begin with the first `old`; see `merkle.Tree.consistency`.

        Raises:
            ValueError: There are not as many.
        """
        with self._lock:
            return self._tree.consistency(old, new)

    def begins_with(self, point: Checkpoint) -> bool:
        """Tell whether a checkpoint is of this audit as it once was."""
        with self._lock:
            return point.size <= len(self._tree) and self._tree.root(point.size) == point.root

    def _checkpoint(self) -> str:
        size = len(self._tree)
        if size > self._noted_entries:
            note = sign(Checkpoint(self.origin, size, self._tree.root()), self._gateway, self._signer)
            self._write(self._notes, json.dumps(note).encode())
            self.note, self._noted_entries = note, size
        self._noted_mono_ns = self._clock.mono_ns()
        return self.note

    def close(self) -> None:
        """Let go of the files."""
        self._is_broken = True
        os.close(self._lines)
        os.close(self._notes)

    def _recover(self, folder: Path) -> None:
        try:
            lines, notes = _whole_lines(self._lines), [str(json.loads(each)) for each in _whole_lines(self._notes)]
            _, finding = check(lines, notes, {self._gateway: self._signer.public_key}, self.origin)
        except OSError as error:
            raise IsolaneError(f"cannot read the audit in {folder}: {error.strerror}", _HINT) from error
        except ValueError as error:
            raise IsolaneError(f"the checkpoints in {folder} are not this gateway's: {error}", _HINT) from error
        if finding:
            raise IsolaneError(f"the audit in {folder} is not what was written: {finding.why}", _HINT)
        for line in lines:
            self._previous = self._tree.append(line).hex()
        if notes:
            self.note = notes[-1]
            self._noted_entries = int(self.note.split("\n")[1])

    def _write(self, descriptor: int, line: bytes) -> None:
        if self._is_broken:
            raise JournalError("the audit is closed")
        end = os.fstat(descriptor).st_size
        if end + len(line) + 1 > self._bytes_max:
            raise JournalError(f"the audit has {end} bytes")
        try:
            written = os.write(descriptor, line + b"\n")
            os.fsync(descriptor)
        except OSError as error:
            why = error.strerror
        else:
            if written == len(line) + 1:
                return
            why = "the disk is full"
        self._is_broken = True  # until the file is whole again, nothing more
        try:
            os.ftruncate(descriptor, end)
        except OSError as error:
            raise JournalError(f"{why}; the audit is closed") from error
        self._is_broken = False
        raise JournalError(why)


_HINT = "keep both files for whoever looks into it, and move them away"


def origin(gateway: str) -> str:
    """Name the tree of a gateway's audit."""
    return f"isolane/audit/{gateway}"


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _whole_lines(descriptor: int) -> list[bytes]:
    """Read all lines; cut off what has no end."""
    size = os.fstat(descriptor).st_size
    data = os.pread(descriptor, size, 0)
    end = data.rfind(b"\n") + 1
    if end < size:
        os.ftruncate(descriptor, end)
        os.fsync(descriptor)
    return data[:end].split(b"\n")[:-1]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
