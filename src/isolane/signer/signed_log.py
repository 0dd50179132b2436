"""This file is the signer's own log; it guards that no signature leaves that is not written down first.

A line is JSON, chained to the one before it as in a gateway's audit (`security.audit`). Lines are added and nothing
else: the file is opened for appending alone, and a log whose chain is broken is not gone on with. A line that a crash
has cut off is removed at the start: its signature never left.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from isolane.core import strict_json
from isolane.core.failures import IsolaneError
from isolane.security.audit import FIRST, find_break, write_line
from isolane.security.merkle import Tree, leaf_hash

SHOWN = 20


class SignedLog:
    """The log.

    Args:
        path: Its file; made if it is not there, readable by its owner alone.

    Raises:
        IsolaneError: It cannot be written, or its lines are not what was written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            data = path.read_bytes()
            whole = data[: data.rfind(b"\n") + 1]
            if whole != data:
                os.ftruncate(self._file, len(whole))
        except OSError as error:
            raise IsolaneError(f"cannot open the log {path}: {error.strerror}", "give another --log") from error
        lines = whole.splitlines()
        finding = find_break(lines, Tree())
        if finding is not None:
            os.close(self._file)
            raise IsolaneError(
                f"the log {path} is not what was written, from line {finding.first_bad}",
                "find out who changed it, keep it, and begin a new one with another --log",
            )
        self._lines = lines

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def add(self, facts: Mapping[str, object]) -> None:
        """Write a line and wait until the disk has it.

        Raises:
            OSError: The disk does not take it.
        """
        previous = leaf_hash(self._lines[-1]).hex() if self._lines else FIRST
        line = write_line(len(self._lines), previous, facts)
        before = os.fstat(self._file).st_size
        try:
            left = line + b"\n"
            while left:
                left = left[os.write(self._file, left) :]
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, before)
            raise
        self._lines.append(line)

    def newest(self) -> list[dict[str, object]]:
        """Give the newest lines, newest first."""
        read = [strict_json.read(line) for line in reversed(self._lines[-SHOWN:])]
        return [line for line in read if isinstance(line, dict)]
