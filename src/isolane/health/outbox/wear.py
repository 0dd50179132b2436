"""This file counts what the outbox costs the flash it is on; it guards that the kernel's count is shown, not a guess.

The kernel counts for each thread the bytes it has made the block layer write, whole pages, the journal of SQLite
included; the outbox has a thread of its own. What a flash controller writes beyond that nobody can see from here.
"""

import threading
from pathlib import Path


class Wear:
    """Bytes written by one thread."""

    def __init__(self) -> None:
        self._account: Path | None = None

    def begin(self) -> None:
        """Count the thread that calls this."""
        self._account = Path(f"/proc/self/task/{threading.get_native_id()}/io")

    def end(self) -> None:
        """Count no more; another thread may get the number of the one that was counted."""
        self._account = None

    @property
    def written_bytes(self) -> int | None:
        """Bytes written so far; None where the kernel does not count, or none is counted."""
        if self._account is None:
            return None
        try:
            lines = self._account.read_text(encoding="ascii").splitlines()
        except OSError:
            return None
        counts = dict(line.split(": ", 1) for line in lines)
        return int(counts["write_bytes"]) - int(counts["cancelled_write_bytes"])
