"""This file gives each part of the demo its port; it guards that a used one is named before anything starts."""

import contextlib
import socket
from dataclasses import dataclass, fields

from isolane.core.failures import IsolaneError

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Ports:
    """TCP ports on the loopback address, one after the other from a base."""

    console: int
    chargers_ws: int
    chargers_wss: int
    csms: int
    broker: int
    ingest: int
    value_metrics: int
    tap_metrics: int
    health_metrics: int
    center_metrics: int
    modbus_1: int
    modbus_2: int
    modbus_3: int
    modbus_4: int

    @classmethod
    def from_base(cls, base: int) -> "Ports":
        """Number the ports from a base."""
        return cls(*range(base, base + len(fields(cls))))

    @property
    def modbus(self) -> tuple[int, int, int, int]:
        """The chargers' Modbus TCP ports."""
        return self.modbus_1, self.modbus_2, self.modbus_3, self.modbus_4

    def check_free(self) -> None:
        """Try every port.

        Raises:
            IsolaneError: One is in use.
        """
        for field in fields(self):
            port = getattr(self, field.name)
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((HOST, port))
                except OSError as error:
                    raise IsolaneError(
                        f"port {port} ({field.name.replace('_', ' ')}) cannot be opened: {error.strerror}",
                        "stop what uses it, or choose other ports with --base-port",
                    ) from error


def answers(port: int) -> bool:
    """Tell whether something accepts connections on a loopback port."""
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=0.5):
        return True
    return False
