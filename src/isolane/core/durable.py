"""This file writes what has to outlive a power cut; it guards that a file has its old content or the new one.

Constraints: everything blocks until the disk has it. What is replaced is another file each time, so a lock on the file
itself would bind nobody; `locked` has one beside it.
"""

import contextlib
import fcntl
import os
import threading
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
    # No two threads of a machine share this number, and what a power cut leaves is taken by a later one.
    new = path.with_name(f".{path.name}.{threading.get_native_id()}.new")
    try:
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def append(path: Path, data: bytes) -> int:
    """Append to a file of mode 0600 and flush it to the disk, or leave it as it was; give its size.

    Raises:
        OSError: The disk refuses; a file that was not there is not there.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        before = os.fstat(descriptor).st_size
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(descriptor, left) :]
            os.fdatasync(descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, before)
                if not before:
                    path.unlink()
            raise
    finally:
        os.close(descriptor)
    return before + len(data)
