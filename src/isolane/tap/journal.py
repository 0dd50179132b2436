"""This file writes down every packet that leaves the tap; it guards that an auditor sees what went out, byte for byte.

One packet a line, as it was sent. Off unless a setting names the file; bounded, since an audit must not fill a disk.
"""

import logging
from pathlib import Path

from isolane.core.failures import IsolaneError

_log = logging.getLogger(__name__)


class Journal:
    """A bounded file of packets.

    Args:
        path: The file; readable by its owner alone, begun anew at each start.
        size_bytes_max: What it may hold; later packets are sent without being written down, and that is logged once.

    Raises:
        IsolaneError: It cannot be written.
    """

    def __init__(self, path: Path, size_bytes_max: int) -> None:
        try:
            path.unlink(missing_ok=True)
            path.touch(mode=0o600)
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise IsolaneError(
                f"cannot write the tap's journal {path}: {error.strerror}",
                "set [tap] journal to a file this process may write, or leave it out",
            ) from error
        self._left_bytes = size_bytes_max

    def note(self, packet: bytes) -> None:
        """Write one packet down, if it still fits."""
        if self._left_bytes <= 0:
            return
        self._left_bytes -= len(packet) + 1
        if self._left_bytes <= 0:
            _log.warning("journal-full path=%s", self._file.name)
            return
        try:
            self._file.write(packet + b"\n")
        except OSError as error:
            self._left_bytes = 0
            _log.warning("journal-ended path=%s reason=%s", self._file.name, error.strerror)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
