"""This file replaces small files; it guards that a power cut leaves the old content or the new one."""

import os
import tempfile
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Write content to a file with mode 0600: a new file, fsync, rename, fsync of the folder.

    Raises:
        OSError: It cannot be written; what was there is untouched.
    """
    descriptor, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    new = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
