"""This file takes what the tap tells, in the health process's place; it guards that a judge sees the packets alone."""

import contextlib
import json
import socket
import threading
from pathlib import Path
from typing import Any

PACKET_BYTES = 1 << 17


class Told:
    """Everything that left the tap, packet by packet."""

    def __init__(self, path: Path) -> None:
        self.packets: list[bytes] = []
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._server.bind(str(path))
        self._server.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def text(self) -> str:
        """Give it as text."""
        return "\n".join(packet.decode("utf-8", "replace") for packet in list(self.packets))

    @property
    def events(self) -> list[dict[str, Any]]:
        """Give it as events."""
        return [event for packet in list(self.packets) for event in json.loads(packet)["events"]]

    def close(self) -> None:
        """Listen no more."""
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                tap, _ = self._server.accept()
                with tap:
                    while packet := tap.recv(PACKET_BYTES):
                        self.packets.append(packet)


def cpu_ns(pid: int, *, workers: bool = False) -> int:
    """Give the time that a process's threads have spent on a core, or its threads beside the first."""
    spent = 0
    for task in Path(f"/proc/{pid}/task").glob("*"):
        if not (workers and task.name == str(pid)):
            with contextlib.suppress(OSError):
                spent += int((task / "schedstat").read_text(encoding="ascii").split()[0])
    return spent
