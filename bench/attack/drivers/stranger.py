"""This file is run as another user; it guards that only EACCES and EPERM count as refused."""

import contextlib
import ctypes
import errno
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

_PTRACE_ATTACH = 16


def connect(path: str) -> None:
    """Connect to a local socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
        sock.connect(path)


def read(*paths: str) -> None:
    """Read the first byte of any of some files."""
    refused = 0
    for path in paths:
        try:
            with Path(path).open("rb") as file:
                file.read(1)
        except PermissionError:
            refused += 1
    if refused == len(paths):
        raise PermissionError(errno.EACCES, "every one of them")


def write(path: str) -> None:
    """Open a file for writing."""
    with Path(path).open("ab"):
        pass


def ptrace(pid: str) -> None:
    """Attach to a process."""
    library = ctypes.CDLL(None, use_errno=True)
    if library.ptrace(_PTRACE_ATTACH, int(pid), None, None) < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def send(pid: str) -> None:
    """Ask whether a signal might be sent."""
    os.kill(int(pid), 0)


def bind(port: str) -> None:
    """Take a port of the system's."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", int(port)))


ATTEMPTS: dict[str, Callable[..., None]] = {
    "connect": connect,
    "read": read,
    "write": write,
    "ptrace": ptrace,
    "signal": send,
    "bind": bind,
}

if __name__ == "__main__":
    with contextlib.suppress(PermissionError):
        ATTEMPTS[sys.argv[1]](*sys.argv[2:])
        print("done")
        sys.exit(0)
    print("refused")
