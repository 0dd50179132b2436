"""This file starts what is compared; it guards that each gets one thread, the same core and the same keys."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

WAYS = ("ws→ws", "ws→wss", "wss→wss")
BARE, PEER, PRODUCT, ALONE = "direct", "HAProxy", "isolane", "isolane, no tap"
"""PRODUCT is the relay as shipped, with somebody who takes its copies; PEER is what it is measured by."""
NAMES = (BARE, PEER, "nginx", PRODUCT, ALONE)
RELAY_CORE, PEER_CORE = 0, 1
_START_S = 15.0


@dataclass(frozen=True)
class Ground:
    """Where the contest takes place.

    Attributes:
        folder: For settings and sockets.
        ca: PEM file.
        certificate: PEM file of every listener.
        key: Its key.
        csms: Ports of the echoing CSMS by scheme.
        python: What the relay runs on.
    """

    folder: Path
    ca: Path
    certificate: Path
    key: Path
    csms: dict[str, int]
    python: str


@dataclass(frozen=True)
class Contestant:
    """One relay that serves one way.

    Attributes:
        name: In the table.
        way: The way.
        port: Where chargers connect.
        process: None for the direct connection.
        sink: Who takes its copies, None for nobody.
        folder: Its settings and its log; None for the direct connection.
    """

    name: str
    way: str
    port: int
    process: subprocess.Popen[bytes] | None
    sink: subprocess.Popen[str] | None = None
    folder: Path | None = None

    @property
    def key(self) -> str:
        """Give what the load calls it."""
        return f"{self.name} {self.way}"

    @property
    def secure(self) -> bool:
        """Tell whether its chargers speak TLS."""
        return self.way.startswith("wss")

    def cpu_ns(self) -> int:
        """Give the time its threads have spent on a core."""
        if self.process is None:
            return 0
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text(encoding="ascii").split()[0]) for task in tasks)

    def resident_kb(self) -> int:
        """Give the memory it holds."""
        if self.process is None:
            return 0
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        match = re.search(r"VmRSS:\s+(\d+)", status)
        return int(match[1]) if match else 0

    @property
    def metrics(self) -> str:
        """Give the address of its metrics page, of isolane only.

        Raises:
            SystemExit: It has none.
        """
        settings = "" if self.folder is None else (self.folder / "site.toml").read_text(encoding="utf-8")
        found = re.search(r'metrics = "(\S+)"', settings)
        if found is None:
            raise SystemExit(f"{self.name} has no metrics page")
        return found[1]

    def stop(self) -> None:
        """End its process."""
        if self.sink is not None:
            self.sink.kill()
            self.sink.wait()
        if self.process is not None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(5)
            self.process.kill()
            self.process.wait()


def install() -> None:
    """Install HAProxy and nginx where they are missing and we may.

    Raises:
        SystemExit: They are missing and we may not.
    """
    missing = [name for name in ("haproxy", "nginx") if not Path(_path(name)).exists()]
    if not missing:
        return
    if os.geteuid() != 0:
        raise SystemExit(f"install {' and '.join(missing)} first, or run this as root")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update"], ["install", "-y", "--no-install-recommends", *missing]):
        command = ["/usr/bin/apt-get", "-qq", *words]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=quiet)


def start(name: str, way: str, ground: Ground) -> Contestant:
    """Start a contestant and wait until it listens."""
    south, north = way.split("→")
    if name == BARE:
        return Contestant(name, way, ground.csms[south], None)
    folder = ground.folder / f"{name.replace(', ', '-').replace(' ', '-')}-{south}-{north}"
    folder.mkdir()
    port = _free_port()
    command = _COMMANDS[name](folder, ground, port, south == "wss", north)
    sink = _sink(folder) if name == PRODUCT else None
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    pin(process.pid, RELAY_CORE)
    end = time.monotonic() + _START_S
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return Contestant(name, way, port, process, sink, folder)
        time.sleep(0.02)
    Contestant(name, way, port, process, sink, folder).stop()
    raise SystemExit(f"{name} did not start: {(folder / 'log').read_text(encoding='utf-8')}")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def pin(pid: int, core: int) -> None:
    """Keep a process on one core, where there is more than one."""
    if (os.cpu_count() or 1) > max(RELAY_CORE, PEER_CORE):
        os.sched_setaffinity(pid, {core})


def _haproxy(folder: Path, ground: Ground, port: int, secure: bool, north: str) -> list[str]:  # noqa: FBT001 - a table's column
    both = folder / "both.pem"
    both.write_bytes(ground.certificate.read_bytes() + ground.key.read_bytes())
    listen = f" ssl crt {both}" if secure else ""
    verify = f" ssl verify required ca-file {ground.ca} verifyhost localhost" if north == "wss" else ""
    (folder / "haproxy.cfg").write_text(
        f"global\n nbthread 1\n maxconn 9000\ndefaults\n mode http\n maxconn 9000\n timeout connect 10s\n"
        f" timeout client 1h\n timeout server 1h\n timeout tunnel 1h\n"
        f"frontend south\n bind 127.0.0.1:{port} backlog 4096{listen}\n default_backend north\n"
        f"backend north\n server csms 127.0.0.1:{ground.csms[north]}{verify}\n",
        encoding="utf-8",
    )
    return [_path("haproxy"), "-q", "-db", "-f", str(folder / "haproxy.cfg")]


def _nginx(folder: Path, ground: Ground, port: int, secure: bool, north: str) -> list[str]:  # noqa: FBT001 - a table's column
    listen = f"ssl; ssl_certificate {ground.certificate}; ssl_certificate_key {ground.key};" if secure else ";"
    verify = f"proxy_ssl_verify on; proxy_ssl_trusted_certificate {ground.ca}; proxy_ssl_name localhost;"
    temporary = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr crit;\n"
        f"events {{ worker_connections 19000; }}\n"
        f"http {{ access_log off; {' '.join(f'{name}_temp_path {folder}/{name};' for name in temporary)}\n"
        f"server {{ listen 127.0.0.1:{port} backlog=4096 {listen} location / {{\n"
        f"proxy_pass {'https' if north == 'wss' else 'http'}://127.0.0.1:{ground.csms[north]};\n"
        f"{verify if north == 'wss' else ''} proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;\n"
        f"proxy_set_header Connection upgrade; proxy_read_timeout 1h; proxy_send_timeout 1h; }} }} }}\n",
        encoding="utf-8",
    )
    return [_path("nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]


def _isolane(folder: Path, ground: Ground, port: int, secure: bool, north: str) -> list[str]:  # noqa: FBT001 - a table's column
    listen = f'certificate = "{ground.certificate}"\nkey = "{ground.key}"\n' if secure else ""
    trust = f'ca = "{ground.ca}"\n' if north == "wss" else ""
    (folder / "run").mkdir(mode=0o700)
    (folder / "site.toml").write_text(
        f'[site]\nname = "bench"\ngateway = "bench"\nrun_dir = "run"\n'
        f'[value]\nmetrics = "127.0.0.1:{_free_port()}"\ndrain_s = 0\n'
        f'[value.csms]\nurl = "{north}://127.0.0.1:{ground.csms[north]}/ocpp"\n{trust}'
        "[value.limits]\nmessages_per_s = 1e9\nmessages_burst = 1_000_000_000\n"
        "dials_per_s = 1e9\ndials_burst = 1_000_000_000\n"
        f'[[value.listen]]\naddress = "127.0.0.1:{port}"\npath = "/ocpp"\n{listen}',
        encoding="utf-8",
    )
    settings = str(folder / "site.toml")
    return [ground.python, "-m", "isolane.cli.main", "value", "--log-level", "error", "-c", settings]


def _sink(folder: Path) -> subprocess.Popen[str]:
    sink = subprocess.Popen(
        [sys.executable, "-m", "bench.relay.sink", str(folder / "run" / "tap.sock")], stdout=subprocess.PIPE, text=True
    )
    pin(sink.pid, PEER_CORE)
    if sink.stdout is None or not sink.stdout.readline():
        raise SystemExit("the tap's stand-in did not start")
    return sink


_Command = Callable[[Path, Ground, int, bool, str], list[str]]
_COMMANDS: dict[str, _Command] = {PEER: _haproxy, "nginx": _nginx, PRODUCT: _isolane, ALONE: _isolane}


def _path(name: str) -> str:
    return shutil.which(name) or f"/usr/sbin/{name}"
