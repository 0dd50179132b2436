"""This file starts the bench's processes; it guards that each has said that it serves, and that none outlives it."""

import json
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.isolation.namespaces import end

_START_S = 60.0


class Server:
    """A process that writes a log.

    Args:
        stack: Ends it.
        command: Program and arguments.
        log: Where it writes.
        ready: What stands in the log when it serves.
    """

    def __init__(self, stack: ExitStack, command: Sequence[str], log: Path, ready: str) -> None:
        self._log, self._ready = log, ready
        with log.open("wb") as output:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        stack.callback(end, self.process)

    def wait(self) -> "Server":
        """Wait until it serves.

        Raises:
            SystemExit: It does not.
        """
        deadline = time.monotonic() + _START_S
        while self._ready not in (text := self._log.read_text(encoding="utf-8", errors="replace")):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{self._log.stem} did not start:\n{text[-2000:]}")
            time.sleep(0.02)
        return self

    @property
    def pid(self) -> int:
        """Its number."""
        return self.process.pid

    def signal(self, number: int) -> None:
        """Send it a signal.

        Raises:
            SystemExit: It has ended by itself.
        """
        if self.process.poll() is not None:
            raise SystemExit(f"{self._log.stem} has ended: {self._log.read_text(encoding='utf-8')[-2000:]}")
        self.process.send_signal(number)


class Asked:
    """A process that is asked line by line.

    Args:
        stack: Ends it.
        command: Program and arguments.
        log: Where it writes what goes wrong.
    """

    def __init__(self, stack: ExitStack, command: Sequence[str], log: Path) -> None:
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output, text=True
            )
        stack.callback(end, self._process)

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def wait(self) -> "Asked":
        """Wait until it serves."""
        self.answer()
        return self

    def ask(self, question: str = "") -> None:
        """Ask, and do not wait."""
        if self._process.stdin is not None:
            self._process.stdin.write(question + "\n")
            self._process.stdin.flush()

    def answer(self) -> str:
        """Take an answer.

        Raises:
            SystemExit: It has ended.
        """
        line = "" if self._process.stdout is None else self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self._log.stem} has ended: {self._log.read_text(encoding='utf-8')[-2000:]}")
        return line

    def json(self) -> dict[str, Any]:
        """Take an answer that is JSON."""
        answer: dict[str, Any] = json.loads(self.answer())
        return answer
