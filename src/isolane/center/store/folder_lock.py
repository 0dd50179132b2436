"""This file lets one process have the telemetry folder; it guards that a second center removes nothing of the first's.

At start what no book lists is removed, and while a center writes there are such files. The system lets go of the lock
when the process ends, however it ends.
"""

import fcntl
import os
from pathlib import Path

from isolane.core.failures import IsolaneError


class FolderLock:
    """Holds a folder until `release`.

    Args:
        folder: Is made if it does not exist.

    Raises:
        IsolaneError: Another process holds it, or it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._descriptor = -1
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.release()
            hint = "stop the other center, or give this one a data folder of its own"
            raise IsolaneError(f"another center has {folder}", hint) from error
        except OSError as error:
            self.release()
            raise IsolaneError(
                f"cannot open {folder}/lock: {error.strerror}", "check that the center may write its data folder"
            ) from error

    def release(self) -> None:
        """Let go; a second time changes nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
