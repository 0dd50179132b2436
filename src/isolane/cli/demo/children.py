"""This file starts the demo's processes and stops them; it guards that none outlives the demo, however it ends.

Every child is in a process group of its own, so that Ctrl-C reaches the demo alone and the demo stops the children in
order; and every child asks the kernel for SIGTERM when the demo dies, so that a killed demo leaves nothing behind.
All stay in one session: nice values only mean something within one.
"""

import asyncio
import ctypes
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from isolane.core.failures import IsolaneError

_PR_SET_PDEATHSIG = 1
_POLL_S = 0.1
_LOG_TAIL_LINES = 8


@dataclass(frozen=True, slots=True)
class Child:
    """One running process and where its log is."""

    name: str
    process: asyncio.subprocess.Process
    log: Path

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.process.returncode is None

    def last_words(self) -> str:
        """Give the end of its log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-_LOG_TAIL_LINES:])


class Children:
    """All processes of one demo.

    Args:
        logs: Folder for one log file a process.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._children: dict[str, Child] = {}

    def __getitem__(self, name: str) -> Child:
        """Give a child by its name."""
        return self._children[name]

    async def start(
        self, name: str, command: Sequence[str | Path], ready: Callable[[], bool], ready_s: float = 20.0
    ) -> None:
        """Start a process and wait until it serves.

        Args:
            name: Of the process and its log file.
            command: Program and arguments.
            ready: Tells whether it serves.
            ready_s: How long that may take, s.

        Raises:
            IsolaneError: It ended, or does not serve in time; the end of its log is in the sentence.
        """
        log = self._logs / f"{name}.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *map(str, command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,
                preexec_fn=_die_with_parent(os.getpid()),  # two system calls, no lock, no import
            )
        child = self._children[name] = Child(name, process, log)
        deadline_s = asyncio.get_running_loop().time() + ready_s
        while child.running and not await asyncio.to_thread(ready):
            if asyncio.get_running_loop().time() > deadline_s:
                raise IsolaneError(f"the process `{name}` does not serve after {ready_s:g} s", f"its log is {log}")
            await asyncio.sleep(_POLL_S)
        self.check(name)

    def check(self, name: str) -> None:
        """Say so if a process has ended by itself.

        Raises:
            IsolaneError: It has; the end of its log is in the sentence.
        """
        child = self._children[name]
        if not child.running:
            code, last_words = child.process.returncode, child.last_words()
            raise IsolaneError(
                f"the process `{name}` ended with code {code}; its last words:\n{last_words}\n",
                f"the whole log is {child.log}",
            )

    def check_all(self) -> None:
        """Check every process; see `check`."""
        for name in self._children:
            self.check(name)

    async def stop(self, name: str, within_s: float = 15.0) -> bool:
        """End a process by SIGTERM, by SIGKILL if that takes too long.

        Returns:
            Whether it ended by itself with code 0.
        """
        child = self._children.pop(name, None)
        if child is None:
            return True
        if child.running:
            child.process.send_signal(signal.SIGTERM)
        try:
            return await asyncio.wait_for(child.process.wait(), within_s) == 0
        except TimeoutError:
            child.process.kill()
            await child.process.wait()
            return False

    async def stop_all(self) -> None:
        """End what is left, newest first."""
        for name in reversed(list(self._children)):
            await self.stop(name, within_s=5.0)


def _die_with_parent(parent: int) -> Callable[[], None]:
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before the kernel was asked
            os.kill(os.getpid(), signal.SIGTERM)

    return ask
