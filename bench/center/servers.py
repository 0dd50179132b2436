"""This file runs VictoriaMetrics beside a measurement; it guards that its processor time and disk are its own alone."""

import os
import socket
import time
import urllib.parse
import urllib.request
from contextlib import ExitStack
from pathlib import Path

from bench.chaos_health.ground import Daemon

PROGRAM = Path("/usr/bin/victoria-metrics")
_FLUSH_S = 60.0
_MERGE_S = 1.0
_TICKS = os.sysconf("SC_CLK_TCK")


class Victoria:
    """One VictoriaMetrics on loopback.

    Args:
        stack: Ends it.
        folder: For its data and log.
    """

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        folder.mkdir()
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = int(free.getsockname()[1])
        self.url = f"http://127.0.0.1:{port}"
        self._data = folder / "data"
        command = [
            str(PROGRAM),
            f"-storageDataPath={self._data}",
            f"-httpListenAddr=127.0.0.1:{port}",
            "-retentionPeriod=100y",
            "-search.latencyOffset=0s",
        ]
        self._daemon = Daemon("victoria", command, folder / "log", ready="started VictoriaMetrics in")
        stack.callback(self._daemon.end)
        self._daemon.start()
        self._daemon.wait_ready()

    def cpu_s(self) -> float:
        """Processor time so far."""
        return cpu_s(self._daemon.pid)

    def get(self, path: str, **query: str) -> bytes:
        """Ask it."""
        address = f"{self.url}{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(address, timeout=60) as answer:  # noqa: S310 - loopback
            return bytes(answer.read())

    def rest_bytes(self) -> int:
        """Put everything on the disk, merged, and give its size there, its index included."""
        self.get("/internal/force_flush")
        self.get("/internal/force_merge")
        end, sizes = time.monotonic() + _FLUSH_S, [0, 1, 2]
        while len(set(sizes[-3:])) > 1 and time.monotonic() < end:
            time.sleep(_MERGE_S)
            sizes.append(size_bytes(self._data))
        return sizes[-1]


def cpu_s(pid: int) -> float:
    """Give a process's processor time, s."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def size_bytes(folder: Path) -> int:
    """Give the size of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
