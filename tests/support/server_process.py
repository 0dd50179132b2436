"""This file runs a real server beside a test; it guards that it is up when it is said to be, and stopped by its id."""

import contextlib
import signal
import ssl
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

from support.broker import free_port

_START_S = 30.0


class ServerProcess(ABC):
    """A server on loopback; it keeps port and data when it is started again.

    Args:
        folder: Where it runs, and keeps its log.
    """

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.folder = folder
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start it."""
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.stop()

    @abstractmethod
    def command(self) -> list[str]:
        """Give what starts it; what it needs is written before."""

    @abstractmethod
    def ask(self) -> None:
        """Ask it something.

        Raises:
            OSError: It does not answer yet.
        """

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = self.command()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)
        end = time.monotonic() + _START_S
        while time.monotonic() < end:
            with contextlib.suppress(OSError, ssl.SSLError):
                self.ask()
                return
            assert self._process.poll() is None, self._log.read_text()
            time.sleep(0.05)
        raise AssertionError(self._log.read_text())

    def kill(self) -> None:
        """End it at once, as a crash does."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def stop(self) -> None:
        """Stop it and wait until it has."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
