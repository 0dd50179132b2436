"""This file runs the product for the bench: broker, center, gateway; it guards that each ends with the bench.

Nothing is stubbed: mosquitto with mutual TLS, `isolane center` that commits to its store, `isolane health` that reads
Modbus devices.
"""

import contextlib
import getpass
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.health.signals import TEMPLATE, without

from isolane.security.authority import Authority, Identity

SITE, GATEWAY = "north", "gw-1"
MOSQUITTO = "/usr/sbin/mosquitto"
_START_S = 40.0
_READY = re.compile(r"ready metrics=(\S+)")
_HZ = os.sysconf("SC_CLK_TCK")
_BROKER = """
listener {port} 127.0.0.1
cafile {ca}
certfile {server.certificate}
keyfile {server.key}
require_certificate true
use_identity_as_username true
allow_anonymous false
persistence false
set_tcp_nodelay true
user {user}
log_dest stderr
"""
_CENTER = """
[center]
data = "{data}"
console = "127.0.0.1:{console}"
[center.mqtt]
host = "127.0.0.1"
port = {port}
ca = "{ca}"
certificate = "{center.certificate}"
key = "{center.key}"
"""
_HEALTH = """
[site]
name = "{site}"
gateway = "{gateway}"
run_dir = "run"
[health]
metrics = "127.0.0.1:0"
flush_s = 1
[health.outbox]
path = "outbox.db"
block_rows = {block_rows}
{more}
[[health.links]]
type = "mqtt"
host = "127.0.0.1"
port = {port}
ca = "{ca}"
certificate = "{gateway_id.certificate}"
key = "{gateway_id.key}"
reconnect_s_max = 1
"""


@dataclass(frozen=True)
class Names:
    """Everybody's certificate."""

    ca: Path
    server: Identity
    gateway: Identity
    center: Identity


def names(folder: Path) -> Names:
    """Make a CA and what it signs."""
    authority = Authority(folder)
    authority.create("bench")
    return Names(
        authority.certificate,
        authority.issue("server", common_name="localhost", hosts=("127.0.0.1", "localhost")),
        authority.issue("gateway", common_name=GATEWAY),
        authority.issue("center", common_name="center"),
    )


def free_port() -> int:
    """Give a port of loopback that nobody has now."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


class Process:
    """A process with a log.

    Args:
        stack: Ends it.
        command: Program and arguments.
        log: Where it writes.
    """

    def __init__(self, stack: ExitStack, command: Sequence[str | Path], log: Path) -> None:
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        stack.callback(self.end)

    @property
    def text(self) -> str:
        """What it has written."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait until something stands in its log.

        Raises:
            SystemExit: It ends or says nothing.
        """
        deadline = time.monotonic() + _START_S
        while (found := re.search(pattern, self.text)) is None:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{self._log.name} did not say {pattern!r}:\n{self.text[-2000:]}")
            time.sleep(0.05)
        return found

    def end(self) -> None:
        """Ask it to end, and see that it does."""
        if self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(15)
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def cpu_s(self) -> float:
        """Processor time it has used, s."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / _HZ

    def memory_mb(self) -> float:
        """Resident memory, MB."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024

    def metrics(self) -> dict[str, float]:
        """Read its metrics page."""
        address = _READY.findall(self.text)[-1]
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as page:
            lines = page.read().decode().splitlines()
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


def broker(stack: ExitStack, folder: Path, who: Names) -> int:
    """Start mosquitto; give its port."""
    port = free_port()
    conf = folder / "mosquitto.conf"
    conf.write_text(_BROKER.format(port=port, ca=who.ca, server=who.server, user=getpass.getuser()), encoding="utf-8")
    Process(stack, [MOSQUITTO, "-c", conf], folder / "mosquitto.log").wait_for("running")
    return port


def center(stack: ExitStack, folder: Path, who: Names, port: int) -> Process:
    """Start a center that listens to the broker."""
    path = folder / "center.toml"
    values = {"data": folder / "center", "console": free_port(), "port": port, "ca": who.ca, "center": who.center}
    path.write_text(_CENTER.format(**values), encoding="utf-8")
    process = Process(stack, _isolane("center", path), folder / "center.log")
    process.wait_for("mqtt-up")
    return process


def sources(ports: Sequence[int], period_s: float) -> str:
    """Write the sources: one Modbus device for each charger, read so often."""
    lines = []
    for number, port in enumerate(ports, start=1):
        lines += ["[[health.sources]]", 'type = "modbus"', f'name = "cp{number}"', f'address = "127.0.0.1:{port}"']
        lines += [f"fast_s = {period_s}", f"slow_s = {period_s}"]
        lines += ["[[health.sources.devices]]", f'charger = "CP-{number:02}"', f'template = "{TEMPLATE}"']
        lines.append(f"without = {without()!r}")
    return "\n".join(lines)


def gateway(stack: ExitStack, folder: Path, who: Names, port: int, block_rows: int, more: str) -> Process:  # noqa: PLR0917 - each is a thing of its own
    """Start a health process and wait until it is ready.

    Args:
        stack: Ends it.
        folder: Its own.
        who: Certificates.
        port: Where it finds the broker.
        block_rows: Rows of a block.
        more: Further tables: sources, a budget.
    """
    (folder / "run").mkdir(mode=0o700, exist_ok=True)
    path = folder / "site.toml"
    values = {"site": SITE, "gateway": GATEWAY, "block_rows": block_rows, "port": port, "ca": who.ca}
    path.write_text(_HEALTH.format(**values, gateway_id=who.gateway, more=more), encoding="utf-8")
    process = Process(stack, _isolane("health", path), folder / "health.log")
    process.wait_for(_READY.pattern)
    return process


def feed(stack: ExitStack, folder: Path, count: int, pace: float) -> list[int]:
    """Start the chargers; give their Modbus ports."""
    command = [sys.executable, "-m", "bench.health.feed", str(count), str(pace)]
    process = Process(stack, command, folder / "feed.log")
    return [int(port) for port in process.wait_for(r"(?m)^\d+(?: \d+)*$")[0].split()]


def _isolane(room: str, path: Path) -> list[str | Path]:
    program = "import sys; from isolane.cli.main import main; sys.exit(main())"
    return [sys.executable, "-c", program, room, "-c", path]
