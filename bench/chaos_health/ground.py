"""This file starts, kills and restarts the soak's processes on a disk of their own; it guards that none outlives it."""

import getpass
import os
import re
import socket
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.chaos_health.page import COLUMNS, Page, key_of
from bench.chaos_health.wires import Network, Wire
from bench.chaos_value.processes import Process

from isolane.security.authority import Authority, Identity

SITE, GATEWAY = "soak", "gw-1"
_MOSQUITTO = Path("/usr/sbin/mosquitto")
_DISK_BYTES = 12 << 20
_BROKER = """
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
user {user}
log_dest stderr
"""
_SETTINGS = """
[site]
name = "{site}"
gateway = "{gateway}"
run_dir = "run"

[health]
metrics = "127.0.0.1:{metrics}"
flush_s = 30
nice = 0
[health.budget]
rate_kbit_s = 100000
[health.sampling]
step_ms = 200
[health.outbox]
path = "{disk}/outbox.db"
bytes_max = 1048576
reserve_bytes = 524288
block_rows = {rows}
[[health.links]]
type = "mqtt"
host = "localhost"
port = {mqtt}
keepalive_s = 5
ca = "{ca}"
certificate = "{gateway_certificate}"
key = "{gateway_key}"
ack_timeout_s = 2
ledger_s = 1
reconnect_s_max = 1
dead_s = 5
[[health.links]]
type = "https"
url = "https://127.0.0.1:{https}"
timeout_s = 3
ca = "{ca}"
certificate = "{gateway_certificate}"
key = "{gateway_key}"
ack_timeout_s = 2
ledger_s = 1
reconnect_s_max = 1
dead_s = 5
[[health.sources]]
type = "http_json"
name = "page"
url = "http://127.0.0.1:{page}/"
period_s = 0.2
timeout_s = 2
reconnect_s_max = 1
points = [
{points}
]

[center]
data = "center"
console = "127.0.0.1:{console}"
[center.mqtt]
host = "localhost"
port = {broker}
ca = "{ca}"
certificate = "{center_certificate}"
key = "{center_key}"
client_id = "center"
keepalive_s = 5
reconnect_s_max = 1
[center.https]
address = "127.0.0.1:{ingest}"
certificate = "{server_certificate}"
key = "{server_key}"
client_ca = "{ca}"
[center.store]
hot_minutes = 1440
"""


@dataclass
class Daemon(Process):
    """A process that may be another program than this Python.

    Attributes:
        ready: What it writes when it serves.
    """

    ready: str = r"\bready\b"

    def start(self) -> None:
        """See `Process.start`."""
        self.starts = self._times_ready() + 1
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self.command, stdout=log, stderr=log)

    @property
    def pid(self) -> int:
        """Its number, 0 while it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else 0

    def _times_ready(self) -> int:
        return len(re.findall(self.ready.encode(), self.log.read_bytes())) if self.log.exists() else 0


@dataclass(frozen=True)
class Ground:
    """Everything that runs, and what can be done to it.

    Attributes:
        folder: Of everything that is written.
        disk: Where the outbox is, a small file system of its own where that may be mounted.
        mounted: Whether it is.
        clock: The file that says how far the gateway's UTC clock is off.
        wires: Between gateway and broker, gateway and center, center and broker.
        page: The device.
        console: Port of the center's API.
        ingest: Port of the center's HTTPS ingest, past the wire.
        metrics: Port of the gateway's metrics page.
    """

    folder: Path
    disk: Path
    mounted: bool
    clock: Path
    authority: Path
    gateway: Identity
    health: Daemon
    center: Daemon
    broker: Daemon
    wires: tuple[Wire, Wire, Wire]
    page: Page
    console: int
    ingest: int
    metrics: int

    @property
    def daemons(self) -> tuple[Daemon, Daemon, Daemon]:
        """Give every process, in the order in which they start."""
        return self.broker, self.center, self.health


def missing() -> str:
    """Name the Debian packages that are not there, "" where all are."""
    return "" if _MOSQUITTO.exists() else "mosquitto"


def build(stack: ExitStack, folder: Path, rows: int) -> Ground:
    """Make certificates, settings, disk, wires and page, and describe the processes; the stack ends all of it.

    Args:
        stack: Ends it.
        folder: Of everything that is written.
        rows: Of a block.
    """
    disk, clock = folder / "disk", folder / "clock"
    disk.mkdir()
    mounted = _mount(stack, disk)
    clock.write_text("+0\n", encoding="ascii")
    (folder / "run").mkdir(mode=0o700)
    page, network = Page(), Network()
    stack.callback(network.close)
    stack.callback(page.close)
    console, ingest, metrics, broker_port = _free_ports(4)
    wires = network.wire(broker_port), network.wire(ingest), network.wire(broker_port)
    authority = Authority(folder)
    authority.create("soak")
    server = authority.issue("server", common_name="localhost", hosts=("127.0.0.1", "localhost"))
    gateway, center = authority.issue("gateway", common_name=GATEWAY), authority.issue("center", common_name="center")
    points = "\n".join(
        f'  {{ key = "{key_of(index)}", path = "v{index}", resolution = 1.0 }},' for index in range(COLUMNS)
    )
    (folder / "site.toml").write_text(
        _SETTINGS.format(
            site=SITE,
            gateway=GATEWAY,
            metrics=metrics,
            rows=rows,
            disk=disk,
            mqtt=wires[0].port,
            https=wires[1].port,
            broker=wires[2].port,
            page=page.port,
            points=points,
            console=console,
            ingest=ingest,
            ca=authority.certificate,
            gateway_certificate=gateway.certificate,
            gateway_key=gateway.key,
            center_certificate=center.certificate,
            center_key=center.key,
            server_certificate=server.certificate,
            server_key=server.key,
        ),
        encoding="utf-8",
    )
    configuration = folder / "mosquitto.conf"
    configuration.write_text(
        _BROKER.format(
            port=broker_port,
            ca=authority.certificate,
            certificate=server.certificate,
            key=server.key,
            user=getpass.getuser(),
        ),
        encoding="utf-8",
    )

    def daemon(name: str, *command: str, ready: str = r"\bready\b") -> Daemon:
        made = Daemon(name, list(command), folder / f"{name}.log", ready=ready)
        stack.callback(made.end)
        return made

    settings = ["-c", str(folder / "site.toml")]
    isolane = [sys.executable, "-m", "isolane.cli.main"]
    return Ground(
        folder=folder,
        disk=disk,
        mounted=mounted,
        clock=clock,
        authority=authority.certificate,
        gateway=gateway,
        health=daemon("health", sys.executable, "-m", "bench.chaos_health.gateway", str(clock), "health", *settings),
        center=daemon("center", *isolane, "center", *settings),
        broker=daemon("broker", str(_MOSQUITTO), "-c", str(configuration), ready=r"version \S+ running"),
        wires=wires,
        page=page,
        console=console,
        ingest=ingest,
        metrics=metrics,
    )


def _mount(stack: ExitStack, disk: Path) -> bool:
    """Give the outbox a small file system of its own, as root; the fault is a limit on file sizes otherwise."""
    if os.geteuid():
        return False
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES}", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        return False
    stack.callback(subprocess.run, ["umount", "-l", str(disk)], check=False)
    return True


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(each.getsockname()[1]) for each in sockets]
