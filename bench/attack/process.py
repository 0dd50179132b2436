"""This file runs one process of the target; it guards that its log is kept and that it never outlives the harness."""

import asyncio
import contextlib
import re
import shutil
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

START_S = 180.0
"""A start takes 2 s, and where others have the machine up to two minutes; whoever ends meanwhile is seen at once."""


@dataclass(frozen=True)
class Use:
    """What a process has of the machine's."""

    rss_kb: int
    fds: int
    threads: int


class Process:
    """`isolane <name> -c <settings>` with its log in a file, and a hosts file of its own where given (needs root)."""

    def __init__(self, name: str, settings: Path, log: Path, *, hosts: Path | None = None) -> None:
        self.name, self.settings, self.log, self.hosts = name, settings, log, hosts
        self.process: asyncio.subprocess.Process | None = None
        self.ready = ""
        self.words: tuple[str, ...] = ()
        """More of the command line, behind the command."""
        self.starts_by_step = False

    @property
    def pid(self) -> int:
        """Give its id."""
        return self.process.pid if self.process else 0

    @property
    def is_alive(self) -> bool:
        """Tell whether it runs."""
        return self.process is not None and self.process.returncode is None

    async def start(self) -> float:
        """Start it and wait until it is ready; give the seconds that took.

        Raises:
            RuntimeError: It did not get ready.
        """
        began = time.monotonic()
        before = self.text().count("ready ")
        await self.launch()
        while self.text().count("ready ") == before:
            if not self.is_alive or time.monotonic() - began > START_S:
                await self.kill()
                raise RuntimeError(f"{self.name} did not start: {self.text().strip().splitlines()[-1:]}")
            await asyncio.sleep(0.01)
        self.ready = [line for line in self.text().splitlines() if "ready " in line][-1]
        return time.monotonic() - began

    async def launch(self) -> asyncio.subprocess.Process:
        """Start it and do not wait."""
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self._apart(),
                sys.executable, "-m", "isolane", self.name, *self.words, "-c", str(self.settings),
                stdout=log, stderr=log,
            )  # fmt: skip
        return self.process

    def _apart(self) -> list[str]:
        """Give the words that put a command into a mount namespace where /etc/hosts is another file."""
        if self.hosts is None:
            return []
        script = 'mount --bind "$0" /etc/hosts && exec "$@"'
        return [shutil.which("unshare") or "/usr/bin/unshare", "-m", "/bin/sh", "-c", script, str(self.hosts)]

    def text(self) -> str:
        """Give its log."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def use(self) -> Use:
        """Give what it holds now."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii", errors="replace")
        return Use(
            _number(status, "VmRSS"), len(list(Path(f"/proc/{self.pid}/fd").iterdir())), _number(status, "Threads")
        )

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self.process is not None and self.is_alive:
            self.process.send_signal(number)

    async def stop(self, wait_s: float = 20.0) -> int:
        """SIGTERM and wait; give the exit code. Another process id afterwards is the harness's doing.

        Raises:
            TimeoutError: It did not end.
        """
        self.starts_by_step = True
        self.send(signal.SIGTERM)
        if self.process is None:
            return 0
        return await asyncio.wait_for(self.process.wait(), wait_s)

    async def kill(self) -> None:
        """SIGKILL and wait."""
        self.starts_by_step = True
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()


def _number(text: str, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+)", text, re.MULTILINE)
    return int(found[1]) if found else 0
