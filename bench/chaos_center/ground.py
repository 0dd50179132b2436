"""This file lays out the soak's processes, wires, disks and clocks; it guards that none outlives the soak.

Three set-ups: ``files`` is one center that takes in by itself, with SQLite and its own files; ``embedded`` has workers
and PostgreSQL before a center with its own files; ``victoria`` has VictoriaMetrics besides.
"""

import socket
import sqlite3
import sys
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from bench.chaos_center.servers import Disk, Unit, broker_command, database_command, mounted, victoria_command
from bench.chaos_health.wires import Network, Wire

from isolane.security.authority import Authority

SETUPS = ("files", "embedded", "victoria")
WORKERS = 3
SETTLE_S = 10.0
"""Longer than what VictoriaMetrics keeps in memory alone."""
RAW_DAYS = 30
"""How long samples and their minutes are kept; one gateway's are older."""
HOLE_RULE = "hole"
HOLE_S = 20
"""How long books may lack something before it is an alert; a gap record is no longer under way than that."""
_DATA_MB = 192
_SETTINGS = """
[center]
data = "data"
console = "127.0.0.1:0"
[center.alerts]
rules = "rules.toml"
interval_s = 1
[center.store]
hot_minutes = 1
roll_interval_s = 2
raw_days = {raw_days}
minute_days = {raw_days}
{catalogue}
{telemetry}
"""
_WAYS_IN = """
[center.mqtt]
host = "localhost"
port = {broker}
ca = "{folder}/ca.pem"
certificate = "{folder}/{name}.pem"
key = "{folder}/{name}.key"
client_id = "{name}"
keepalive_s = 5
reconnect_s_max = 1
answer_s = 0.2
[center.https]
address = "127.0.0.1:{https}"
certificate = "{folder}/server.pem"
key = "{folder}/server.key"
client_ca = "{folder}/ca.pem"
"""
_RULES = f"""
[[rule]]
id = "{HOLE_RULE}"
kind = "ledger"
level = "L3"
for_s = {HOLE_S}
title = "Samples of gateway {{gateway}} are missing"
seen = "The books of {{gateway}} lack {{value}}."
why = "No sample may vanish."
action = "Compare with the gateway's outbox."
"""


@dataclass
class Ground:
    """Everything that runs.

    Attributes:
        folder: Of everything that is written.
        setup: One of `SETUPS`.
        authority: Issues certificates.
        broker: Mosquitto.
        center: Has the telemetry store; where there are workers it takes nothing in.
        second: The same once more, on the same folder.
        disk: Of the center.
        broker_port: See there.
        https_port: Of who takes in.
        database: PostgreSQL, None for SQLite.
        database_disk: Its disk.
        catalogue: Address of the database, or "".
        victoria: VictoriaMetrics, None for the embedded store.
        victoria_url: Its address, or "".
        workers: Take in.
        wires: By what they join: "worker-1 from the database".
        clocks: Files that say how far a process's clock is off, by its name.
    """

    folder: Path
    setup: str
    authority: Authority
    broker: Unit
    center: Unit
    second: Unit
    disk: Disk
    broker_port: int
    https_port: int
    database: Unit | None = None
    database_disk: Disk | None = None
    catalogue: str = ""
    victoria: Unit | None = None
    victoria_url: str = ""
    workers: list[Unit] = field(default_factory=list)
    wires: dict[str, Wire] = field(default_factory=dict)
    clocks: dict[str, Path] = field(default_factory=dict)

    @property
    def needed(self) -> list[Unit]:
        """Give what others need to come up."""
        return [each for each in (self.database, self.victoria) if each is not None]

    @property
    def daemons(self) -> list[Unit]:
        """Give every process, in the order in which they start."""
        return [*self.needed, self.broker, self.center, *self.workers]

    @property
    def takers(self) -> list[Unit]:
        """Give who takes in."""
        return self.workers or [self.center]

    def ask(self, query: str) -> list[tuple[object, ...]]:
        """Ask the catalogue.

        Raises:
            psycopg.Error: It is away.
            sqlite3.Error: It is locked.
        """
        if not self.catalogue:
            with closing(sqlite3.connect(self.disk.folder / "catalogue.sqlite3", timeout=5)) as file:
                return file.execute(query).fetchall()
        with psycopg.connect(self.catalogue, connect_timeout=5) as connection:
            return connection.execute(query).fetchall()


def build(stack: ExitStack, folder: Path, setup: str) -> Ground:
    """Make certificates, database, wires and settings, and describe the processes; the stack ends all of it."""
    broker, https, database, victoria = _free_ports(4)
    network = Network()
    stack.callback(network.close)
    authority = Authority(folder)
    authority.create("soak")
    authority.issue("server", common_name="localhost", hosts=("127.0.0.1", "localhost"))
    (folder / "rules.toml").write_text(_RULES, encoding="utf-8")

    def made(name: str, command: list[str], ready: str = r"\bready\b") -> Unit:
        unit = Unit(name, command, folder / f"{name}.log", ready=ready)
        stack.callback(unit.end)
        return unit

    def isolane(name: str, *options: str) -> list[str]:
        clock = folder / f"{name}.clock"
        clock.write_text("+0\n", encoding="ascii")
        program = [sys.executable, "-m", "bench.chaos_health.gateway", str(clock), "center"]
        return [*program, "-c", str(folder / f"{name.removesuffix('-again')}.toml"), *options]

    only = [] if setup == "files" else ["--no-ingest"]
    ground = Ground(
        folder=folder,
        setup=setup,
        authority=authority,
        broker=made("broker", broker_command(folder, broker), r"version \S+ running"),
        center=made("center", isolane("center", *only)),
        second=made("center-again", isolane("center-again", *only)),
        disk=mounted(stack, folder / "data", _DATA_MB),
        broker_port=broker,
        https_port=https,
    )
    if setup != "files":
        command, ground.database_disk = database_command(stack, database)
        ground.database = made("database", command, "database system is ready to accept connections")
        ground.catalogue = f"postgresql://isolane@127.0.0.1:{database}/postgres"
        names = [f"worker-{number}" for number in range(1, WORKERS + 1)]
        ground.workers = [made(name, isolane(name, "--worker", name.removeprefix("worker-"))) for name in names]
    if setup == "victoria":
        ground.victoria = made("victoria", victoria_command(folder, victoria), "started VictoriaMetrics in")
        ground.victoria_url = f"http://127.0.0.1:{victoria}"
    for unit in (ground.center, *ground.workers):
        ground.clocks[unit.name] = folder / f"{unit.name}.clock"
        _write_settings(ground, network, unit, (broker, database, victoria))
    return ground


def _write_settings(ground: Ground, network: Network, unit: Unit, ports: tuple[int, int, int]) -> None:
    """Write a process's settings, whose servers are all behind wires of its own."""
    broker, database, victoria = ports

    def wire(where: str, port: int) -> int:
        laid = ground.wires[f"{unit.name} from {where}"] = network.wire(port)
        return laid.port

    catalogue = telemetry = ways_in = ""
    if ground.database is not None:
        port = wire("the database", database)
        catalogue = f'catalogue = "postgresql://isolane@127.0.0.1:{port}/postgres"'
    if ground.victoria is not None and unit is ground.center:
        port = wire("the telemetry store", victoria)
        telemetry = (
            f'[center.store.telemetry]\nurl = "http://127.0.0.1:{port}"\n'
            f"send_interval_s = 0.5\nsettle_s = {SETTLE_S}\ntimeout_s = 10\n"
        )
    if unit in ground.takers:
        ground.authority.issue(unit.name, common_name=unit.name)
        told = {"broker": wire("the broker", broker), "https": ground.https_port}
        ways_in = _WAYS_IN.format(folder=ground.folder, name=unit.name, **told)
    text = _SETTINGS.format(raw_days=RAW_DAYS, catalogue=catalogue, telemetry=telemetry)
    (ground.folder / f"{unit.name}.toml").write_text(text + ways_in, encoding="utf-8")


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(each.getsockname()[1]) for each in sockets]
