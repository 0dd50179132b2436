"""This file replaces small files; it guards that a power cut leaves the old content or the new one."""

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_AGAIN_S = 0.02


@contextmanager
def locked(path: Path, wait_s: float) -> Iterator[None]:
    """Be the only one who changes a file, from reading it to replacing it; blocks.

    The lock is a file beside it, which stays: the file itself is another one after each change.

    Raises:
        OSError: Somebody else holds the lock for `wait_s` (TimeoutError), or the folder cannot be written.
    """
    descriptor = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        end = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= end:
                    raise TimeoutError(None, "somebody else is changing it") from None
                time.sleep(_AGAIN_S)
        yield
    finally:
        os.close(descriptor)


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
