"""This file is what somebody tries who has taken a process of the box over; it guards that nothing tried does harm.

It runs inside the unit's own user and sandbox, in place of the unit's program, with the standard library alone. Every
attempt is undone at once where it succeeds. Prints one JSON object: attempt to "done" or the name of the error.
"""

import ctypes
import errno
import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

RUN, ETC = Path("/run/isolane"), Path("/etc/isolane")
STATE = Path("/var/lib/isolane-value")
_LIBC = ctypes.CDLL(None, use_errno=True)
_PTRACE_SEIZE, _VM_READ, _PIDFD_OPEN, _PIDFD_GETFD = 0x4206, 310, 434, 438
_NEWUSER, _NEWNS = 0x1000_0000, 0x2_0000


def _call(result: int) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), "")


def _connect(path: Path, kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_UNIX, kind) as sock:
        sock.connect(str(path))


def _plant(folder: Path) -> None:
    file = folder / "planted.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
        sock.bind(str(file))
    file.unlink()


def _replace(path: Path) -> None:
    path.rename(path.with_suffix(".moved"))
    path.with_suffix(".moved").rename(path)


def _open(path: Path, flags: int = os.O_RDONLY) -> None:
    os.close(os.open(path, flags))


def _mapping(pid: int) -> int:
    return int(Path(f"/proc/{pid}/maps").read_text(encoding="ascii").partition("-")[0], 16)


def _see(pid: int) -> None:
    Path(f"/proc/{pid}").stat()


def _memory(pid: int) -> None:
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as file:
        file.seek(_mapping(pid))
        file.read(16)


def _vm_read(pid: int) -> None:
    buffer = ctypes.create_string_buffer(16)
    there = _mapping(pid) if Path(f"/proc/{pid}").exists() else 0x1000
    pair = ctypes.c_uint64 * 2
    local, remote = pair(ctypes.addressof(buffer), 16), pair(there, 16)
    one, flags = ctypes.c_ulong(1), ctypes.c_ulong(0)  # whole words: the rest of an int's would be anything
    _call(_LIBC.syscall(_VM_READ, pid, ctypes.byref(local), one, ctypes.byref(remote), one, flags))


def _descriptor(pid: int) -> None:
    handle = _LIBC.syscall(_PIDFD_OPEN, pid, 0)
    _call(handle)
    taken = _LIBC.syscall(_PIDFD_GETFD, handle, 1, 0)
    os.close(handle)
    _call(taken)
    os.close(taken)


def _apart(attempt: Callable[[], None]) -> None:
    """Do it in a child, with which its effect ends."""
    child = os.fork()
    if not child:
        try:
            attempt()
        except OSError as error:
            os._exit(error.errno or 255)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(status):
        raise OSError(os.waitstatus_to_exitcode(status), "")


def _packet_socket() -> None:
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()


def _attempts(value: int, tap: int, own: int, user: int) -> dict[str, Callable[[], None]]:
    stream, packets = socket.SOCK_STREAM, socket.SOCK_SEQPACKET
    writing = os.O_WRONLY
    return {
        "feed the tap copies of its own": lambda: _connect(RUN / "tap" / "tap.sock", packets),
        "take the tap's socket away": lambda: _replace(RUN / "tap" / "tap.sock"),
        "listen where the relay looks for the tap": lambda: _plant(RUN / "tap"),
        "listen where the relay listens": lambda: _plant(RUN / "value"),
        "ask chargers through a port that it is not given": lambda: _connect(RUN / "value" / "own-calls.sock", stream),
        "read the tap's page": lambda: _connect(RUN / "tap-page" / "page.sock", stream),
        "read the relay's audit": lambda: _open(STATE / "own-calls.jsonl"),
        "write into the relay's folder": lambda: _plant(STATE),
        "read the tap's key": lambda: _open(Path("/var/lib/isolane-tap/pseudonym.key")),
        "read the key of the chargers' port": lambda: _open(ETC / "pki" / "listener.key"),
        "change the settings": lambda: _open(ETC / "site.toml", writing),
        "change the program": lambda: _open(Path("/opt/isolane/src/isolane/__init__.py"), writing),
        "write anywhere in the system": lambda: _plant(Path("/usr/local")),
        "see the relay's process": lambda: _see(value),
        "read the relay's memory": lambda: _memory(value),
        "read the tap's memory": lambda: _memory(tap),
        "read memory of its own user's process": lambda: _memory(own),
        "read the relay's memory by system call": lambda: _vm_read(value),
        "attach to the relay": lambda: _apart(lambda: _call(_LIBC.ptrace(_PTRACE_SEIZE, value, 0, 0))),
        "take a descriptor of the relay's": lambda: _descriptor(value),
        "signal the relay": lambda: os.kill(value, 0),
        "signal the tap": lambda: os.kill(tap, 0),
        "bind the relay to a core": lambda: os.sched_setaffinity(value, range(os.cpu_count() or 1)),
        "slow the relay down": lambda: os.setpriority(os.PRIO_PROCESS, value, 0),
        "freeze the relay": lambda: _open(
            Path("/sys/fs/cgroup/system.slice/isolane-value.service/cgroup.freeze"), writing
        ),
        "become the relay's user": lambda: _apart(lambda: os.setuid(user)),
        "get a user namespace": lambda: _apart(lambda: _call(_LIBC.unshare(_NEWUSER))),
        "get a mount namespace": lambda: _apart(lambda: _call(_LIBC.unshare(_NEWNS))),
        "listen to the wire": _packet_socket,
        "change the kernel's settings": lambda: _open(Path("/proc/sys/kernel/core_pattern"), writing),
    }


def main() -> None:
    """Try everything."""
    value, tap, own = (int(os.environ[name]) for name in ("VALUE_PID", "TAP_PID", "OWN_PID"))
    user = int(os.environ["VALUE_UID"])
    got = {}
    for name, attempt in _attempts(value, tap, own, user).items():
        try:
            attempt()
            got[name] = "done"
        except OSError as error:
            got[name] = errno.errorcode.get(error.errno or 0, str(error))
    sys.stdout.write(json.dumps(got) + "\n")


if __name__ == "__main__":
    main()
