"""This file runs a real mosquitto with mutual TLS; it guards that it is stopped by its own process id."""

import contextlib
import getpass
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from isolane.security.authority import Authority, Identity

MOSQUITTO = "/usr/sbin/mosquitto"
_START_S = 30.0
_CONF = """
listener {port} 127.0.0.1
cafile {ca}
certfile {certificate}
keyfile {key}
require_certificate true
use_identity_as_username true
use_username_as_clientid true
allow_anonymous false
persistence false
max_queued_messages 1000
set_tcp_nodelay true
user {user}
log_dest stderr
{more}
"""


@dataclass(frozen=True)
class Pki:
    """One private CA and the certificates of everyone in a test."""

    ca: Path
    server: Identity
    gateway: Identity
    center: Identity


def make_pki(folder: Path, gateway: str, hosts: tuple[str, ...] = ("127.0.0.1", "localhost")) -> Pki:
    """Make a CA and issue a server for some hosts (loopback), a gateway and a center."""
    authority = Authority(folder)
    authority.create("test")
    return Pki(
        authority.certificate,
        authority.issue("server", common_name=hosts[-1], hosts=hosts),
        authority.issue("gateway", common_name=gateway),
        authority.issue("center", common_name="center"),
    )


def free_port() -> int:
    """Give a port of loopback that nobody has now."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


class Broker:
    """A mosquitto that can be stopped and started again on its port."""

    def __init__(self, folder: Path, pki: Pki, more: str = "", port: int = 0) -> None:
        self.port = port or free_port()
        self._conf = folder / "mosquitto.conf"
        self._log = folder / "mosquitto.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._conf.write_text(
            _CONF.format(
                port=self.port,
                ca=pki.ca,
                certificate=pki.server.certificate,
                key=pki.server.key,
                user=getpass.getuser(),
                more=more,
            ),
            encoding="utf-8",
        )

    def start(self) -> None:
        """Start it and wait until it listens."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([MOSQUITTO, "-c", self._conf], stdout=log, stderr=log)
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            assert self._process.poll() is None, self._log.read_text()
            time.sleep(0.01)
        raise AssertionError(self._log.read_text())

    def stop(self) -> None:
        """Stop it, at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextlib.contextmanager
def stopping(broker: Broker) -> Iterator[Broker]:
    """Stop a broker at the end, whatever happened."""
    try:
        yield broker
    finally:
        broker.stop()
