"""This file shares the processors out; it guards that B's burners meet the relay as the product's units would have it.

As the units do (deploy/systemd): a control group with a high weight for the relay, an idle one for B. Where control
groups cannot be made, everything is in one session with nice 19 for B. The outside world (link, chargers, CSMS, broker,
center) is real-time here, since in reality it runs on other machines.
"""

import os
import signal
import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path

from bench.isolation.namespaces import end

BURNERS = 4
_ROOTS = (Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup"))
_WEIGHTS = {
    "a": {"cpu.shares": "102400", "cpu.weight": "10000"},
    "b": {"cpu.shares": "2", "cpu.weight": "1", "cpu.idle": "1"},
}
_SPIN = "while True: pass"


class Processors:
    """Control groups for A and B, where they can be had.

    Args:
        stack: Removes them.
    """

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._root = _root()
        self._groups: dict[str, Path] = {}
        if self._root is not None:
            self._make(self._root)

    @property
    def arrangement(self) -> str:
        """Say which holds."""
        if not self._groups:
            return "one session, B at nice 19 (no control groups here)"
        idle = "idle" if (self._groups["b"] / "cpu.idle").exists() else "the least weight"
        return f"control groups: weight 10000 for the relay, {idle} for B, as in deploy/systemd"

    def place(self, pid: int, group: str | None) -> None:
        """Put a process into group a or b, or into none."""
        if self._groups and self._root is not None:
            folder = self._root if group is None else self._groups[group]
            (folder / "cgroup.procs").write_text(str(pid), encoding="ascii")

    def burners(self, stack: ExitStack, group: str | None) -> "list[subprocess.Popen[bytes]]":
        """Start what burns, stopped: in B's group, or as a session of its own at nice 19, which is not enough."""
        out = []
        for _ in range(BURNERS):
            own = group is None
            out.append(
                subprocess.Popen(
                    ["/usr/bin/nice", "-n", "19", sys.executable, "-S", "-c", _SPIN], start_new_session=own
                )
            )
            stack.callback(end, out[-1])
            out[-1].send_signal(signal.SIGSTOP)
            self.place(out[-1].pid, group)
        return out

    def _make(self, root: Path) -> None:
        try:
            for group, weights in _WEIGHTS.items():
                folder = root / f"isolane-bench-{os.getpid()}-{group}"
                folder.mkdir()
                self._stack.callback(_remove, folder, root)
                self._groups[group] = folder
                for name, value in weights.items():
                    if (folder / name).exists():
                        (folder / name).write_text(value, encoding="ascii")
        except OSError:
            self._groups.clear()


def real_time(pid: int, priority: int) -> None:
    """Let a process of the outside world go before everything that is measured."""
    os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(priority))


def _root() -> Path | None:
    """Find where control groups for the processor are made."""
    for root in _ROOTS:
        if (root / "cpu.shares").exists():
            return root
        with suppress(OSError):
            if "cpu" in (root / "cgroup.subtree_control").read_text(encoding="ascii").split():
                return root
    return None


def _remove(folder: Path, root: Path) -> None:
    for pid in (folder / "cgroup.procs").read_text(encoding="ascii").split():
        with suppress(OSError):
            (root / "cgroup.procs").write_text(pid, encoding="ascii")
    with suppress(OSError):
        folder.rmdir()
