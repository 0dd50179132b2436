"""This file starts the servers that the center stands on; it guards that each has room of its own to be filled."""

import getpass
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.chaos_center.samples import SITE
from bench.chaos_health.ground import Daemon

MOSQUITTO = Path("/usr/sbin/mosquitto")
VICTORIA_METRICS = Path("/usr/bin/victoria-metrics")
_OWNER = "postgres"
_RETRY_S = 60.0
_CONNECTIONS = 30
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
                if not self.pid:
                    self.start()
            else:
                return

    def look(self) -> None:
        """See `Process.look`; who was not ready yet may end, and is started again."""
        if self._times_ready() >= self.starts:
            super().look()
        elif self._process is not None and self._process.poll() is not None:
            self.start()

    def again(self) -> None:
        """Start it where it has ended, whatever the reason."""
        if not self.pid:
            self.start()
        self.wait_ready()

    def signal(self, number: int) -> None:
        """Send a signal to it and to all that it has started, if it runs."""
        for pid in _family(self.pid) if self.pid else ():
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def freeze(self) -> Callable[[], None]:
        """Let none of it run; gives what lets it go on."""
        self.signal(signal.SIGSTOP)
        return lambda: self.signal(signal.SIGCONT)


def _family(pid: int) -> list[int]:
    """Give a process and all below it, the uppermost first."""
    found = [pid]
    with suppress(OSError):
        for each in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
            found += _family(int(each))
    return found


@dataclass
class Disk:
    """A small file system of its own, or a plain folder where none may be mounted.

    Attributes:
        folder: Where it is.
        is_mounted: Whether it is one.
        room_left: What is left of it while it is full, bytes; None while it is not.
    """

    folder: Path
    is_mounted: bool
    room_left: int | None = None

    def top_up(self) -> None:
        """Take all room but what shall be left, also what was given up since: who fills a disk goes on."""
        if self.room_left is None:
            return
        disk = os.statvfs(self.folder)
        room = disk.f_bavail * disk.f_frsize - self.room_left
        if room > 0:
            with (self.folder / "filler").open("ab", buffering=0) as file, suppress(OSError):
                while room > 0:
                    room -= file.write(bytes(min(room, 1 << 20)))

    def fill(self, room_left: int) -> Callable[[], None]:
        """Fill it; gives what empties it."""
        self.room_left = room_left
        self.top_up()

        def empty() -> None:
            self.room_left = None
            (self.folder / "filler").unlink(missing_ok=True)

        return empty


def mounted(stack: ExitStack, folder: Path, size_mb: int) -> Disk:
    """Make a folder that is a file system of its own, as root."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        return Disk(folder, is_mounted=False)
    stack.callback(subprocess.run, ["umount", "-l", str(folder)], check=False)
    return Disk(folder, is_mounted=True)


def missing() -> str:
    """Name the Debian packages that are not there, "" where all are."""
    found = {
        "mosquitto": MOSQUITTO.exists(),
        "postgresql": bool(_program("postgres")),
        "victoria-metrics": VICTORIA_METRICS.exists(),
    }
    return " ".join(name for name, is_there in found.items() if not is_there)


def broker_command(folder: Path, port: int) -> list[str]:
    """Write a broker's configuration; it keeps no session over a restart."""
    configuration = folder / "mosquitto.conf"
    text = _BROKER.format(port=port, folder=folder, user=getpass.getuser())
    configuration.write_text(text, encoding="utf-8")
    return [str(MOSQUITTO), "-c", str(configuration)]


def victoria_command(folder: Path, port: int) -> list[str]:
    """Give the command of a single node."""
    return [
        str(VICTORIA_METRICS),
        f"-storageDataPath={folder / 'victoria'}",
        f"-httpListenAddr=127.0.0.1:{port}",
        "-search.latencyOffset=0s",
    ]


def database_command(stack: ExitStack, port: int) -> tuple[list[str], Disk]:
    """Make a database cluster on a disk of its own; it trusts loopback, has few connections, and ends with the soak."""
    home = Path(tempfile.mkdtemp(prefix=f"{SITE}-postgres-"))
    stack.callback(shutil.rmtree, home, ignore_errors=True)
    disk = mounted(stack, home / "disk", 400)
    if os.geteuid() == 0:
        for folder in (home, disk.folder):
            shutil.chown(folder, _OWNER, _OWNER)
    data = disk.folder / "data"
    options = [f"--pgdata={data}", "--username=isolane", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"]
    command = [*_as_owner(), _program("initdb"), *options]
    subprocess.run(command, check=True, capture_output=True, cwd=home, timeout=120)
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": "",
        "max_connections": _CONNECTIONS,
        "min_wal_size": "32MB",
        "max_wal_size": "64MB",
    }
    start = [*_as_owner(), _program("postgres"), "-D", str(data)]
    return [*start, *(f"-c{key}={value}" for key, value in settings.items())], disk


def _as_owner() -> list[str]:
    if os.geteuid():
        return []
    return ["setpriv", f"--reuid={_OWNER}", f"--regid={_OWNER}", "--init-groups", "--"]


def _program(name: str) -> str:
    """Give a program of the newest PostgreSQL, "" where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    return str(found[-1]) if found else ""
