"""This file starts, kills and restarts the soak's processes; it guards that none outlives it."""

import getpass
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psycopg
from bench.chaos_center.samples import SITE
from bench.chaos_health.ground import Daemon

from isolane.security.authority import Authority

WORKERS = 3
_MOSQUITTO = Path("/usr/sbin/mosquitto")
_VICTORIA_METRICS = Path("/usr/bin/victoria-metrics")
_OWNER = "postgres"
_RETRY_S = 60.0
_BROKER = """
listener {port} 127.0.0.1
cafile {folder}/ca.pem
certfile {folder}/server.pem
keyfile {folder}/server.key
require_certificate true
use_identity_as_username true
use_username_as_clientid true
allow_anonymous false
persistence false
max_queued_messages 1000
set_tcp_nodelay true
user {user}
log_dest stderr
"""
_SETTINGS = """
[center]
data = "data"
console = "127.0.0.1:0"
[center.mqtt]
host = "localhost"
port = {broker}
ca = "{folder}/ca.pem"
certificate = "{folder}/center-{{worker}}.pem"
key = "{folder}/center-{{worker}}.key"
keepalive_s = 5
reconnect_s_max = 1
answer_s = 0.2
[center.https]
address = "127.0.0.1:{https}"
certificate = "{folder}/server.pem"
key = "{folder}/server.key"
client_ca = "{folder}/ca.pem"
[center.store]
catalogue = "{catalogue}"
hot_minutes = 1
roll_interval_s = 2
{telemetry}
"""
_VICTORIA = """
[center.store.telemetry]
url = "{url}"
send_interval_s = 0.5
settle_s = {settle_s}
"""
SETTLE_S = 10.0
"""Longer than what VictoriaMetrics keeps in memory alone."""


class Unit(Daemon):
    """A process that is started again when it did not come up, as its unit would be.

    A worker needs the database to come up; a database does not come up beside what a killed one has left running.
    """

    def wait_ready(self) -> None:
        """See `Process.wait_ready`."""
        end = time.monotonic() + _RETRY_S
        while True:
            try:
                super().wait_ready()
            except SystemExit:
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)
                self.start()
            else:
                return

    def look(self) -> None:
        """See `Process.look`; who was not ready yet may end, and is started again."""
        if self._times_ready() >= self.starts:
            super().look()
        elif self._process is not None and self._process.poll() is not None:
            self.start()


@dataclass(frozen=True)
class Ground:
    """Everything that runs.

    Attributes:
        folder: Of everything that is written.
        authority: Issues certificates.
        database: PostgreSQL.
        broker: Mosquitto.
        center: Has the telemetry store, and takes nothing in.
        workers: Take in.
        broker_port: See there.
        https_port: The workers'.
        catalogue: Address of the database.
        victoria: VictoriaMetrics, None for the embedded store.
        victoria_url: Its address, or "".
    """

    folder: Path
    authority: Authority
    database: Unit
    broker: Unit
    center: Unit
    workers: list[Unit]
    broker_port: int
    https_port: int
    catalogue: str
    victoria: Unit | None
    victoria_url: str

    @property
    def daemons(self) -> list[Unit]:
        """Give every process, in the order in which they start."""
        beside = [] if self.victoria is None else [self.victoria]
        return [self.database, *beside, self.broker, self.center, *self.workers]

    def ask(self, query: str) -> list[tuple[object, ...]]:
        """Ask the database.

        Raises:
            psycopg.OperationalError: It is away.
        """
        with psycopg.connect(self.catalogue, connect_timeout=5) as connection:
            return connection.execute(query).fetchall()


def missing() -> str:
    """Name the Debian packages that are not there, "" where all are."""
    found = {
        "mosquitto": _MOSQUITTO.exists(),
        "postgresql": bool(_programs("postgres")),
        "victoria-metrics": _VICTORIA_METRICS.exists(),
    }
    return " ".join(name for name, is_there in found.items() if not is_there)


def build(stack: ExitStack, folder: Path, *, has_victoria: bool) -> Ground:
    """Make certificates, database and settings, and describe the processes; the stack ends all of it."""
    broker_port, https_port, database_port, victoria_port = _free_ports(4)
    victoria_url = f"http://127.0.0.1:{victoria_port}" if has_victoria else ""
    authority = Authority(folder)
    authority.create("soak")
    authority.issue("server", common_name="localhost", hosts=("127.0.0.1", "localhost"))
    names = [str(number) for number in range(1, WORKERS + 1)]
    for name in names:
        authority.issue(f"center-{name}", common_name=f"center-{name}")
    catalogue = f"postgresql://isolane@127.0.0.1:{database_port}/postgres"
    told = {"broker": broker_port, "https": https_port, "folder": folder, "catalogue": catalogue}
    told["telemetry"] = _VICTORIA.format(url=victoria_url, settle_s=SETTLE_S) if has_victoria else ""
    (folder / "center.toml").write_text(_SETTINGS.format(**told), encoding="utf-8")
    configuration = folder / "mosquitto.conf"
    text = _BROKER.format(port=broker_port, folder=folder, user=getpass.getuser())
    configuration.write_text(text, encoding="utf-8")
    home = _initialised(stack)

    def made(name: str, command: list[str], ready: str = r"\bready\b") -> Unit:
        daemon = Unit(name, command, folder / f"{name}.log", ready=ready)
        stack.callback(daemon.end)
        return daemon

    options = {"listen_addresses": "127.0.0.1", "port": database_port, "unix_socket_directories": ""}
    postgres = [
        *_as_owner(),
        _programs("postgres"),
        "-D",
        str(home),
        *(f"-c{key}={val}" for key, val in options.items()),
    ]
    far = [
        str(_VICTORIA_METRICS),
        f"-storageDataPath={folder / 'victoria'}",
        f"-httpListenAddr=127.0.0.1:{victoria_port}",
    ]
    victoria = (
        made("victoria", [*far, "-search.latencyOffset=0s"], "started VictoriaMetrics in") if has_victoria else None
    )
    isolane = [sys.executable, "-m", "isolane", "center", "-c", str(folder / "center.toml")]
    return Ground(
        folder=folder,
        authority=authority,
        database=made("database", postgres, "database system is ready to accept connections"),
        broker=made("broker", [str(_MOSQUITTO), "-c", str(configuration)], r"version \S+ running"),
        center=made("center", [*isolane, "--no-ingest"]),
        workers=[made(f"worker-{name}", [*isolane, "--worker", name]) for name in names],
        broker_port=broker_port,
        https_port=https_port,
        catalogue=catalogue,
        victoria=victoria,
        victoria_url=victoria_url,
    )


def _initialised(stack: ExitStack) -> Path:
    """Make a database cluster of its owner's; it trusts loopback, and ends with the soak."""
    home = Path(tempfile.mkdtemp(prefix=f"{SITE}-postgres-"))
    stack.callback(shutil.rmtree, home, ignore_errors=True)
    if os.geteuid() == 0:
        shutil.chown(home, _OWNER, _OWNER)
    options = [f"--pgdata={home / 'data'}", "--username=isolane", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"]
    command = [*_as_owner(), _programs("initdb"), *options]
    subprocess.run(command, check=True, capture_output=True, cwd=home, timeout=120)
    return home / "data"


def _as_owner() -> list[str]:
    if os.geteuid():
        return []
    return ["setpriv", f"--reuid={_OWNER}", f"--regid={_OWNER}", "--init-groups", "--"]


def _programs(name: str) -> str:
    """Give a program of the newest PostgreSQL, "" where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    return str(found[-1]) if found else ""


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(each.getsockname()[1]) for each in sockets]
