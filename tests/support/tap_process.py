"""This file runs a real tap as a process, with the relay's and the health process's ends in the test's hands."""

import contextlib
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from isolane.wire import tap_event as ev
from support.tap_traffic import health_listens, seqpacket

DEADLINE_S = 20.0
_PROGRAM = "import sys; from isolane.cli.main import main; sys.exit(main())"
_READY = re.compile(r"ready .*metrics=(?P<address>\S+)")
_TABLES = ("tcp", "tcp6", "udp", "udp6", "raw", "raw6")


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition, 20 s at most."""
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end, f"waited in vain until {what}"
        time.sleep(0.01)


class Tap:
    """A tap in a folder; may be stopped, killed and started again there."""

    def __init__(self, folder: Path) -> None:
        self.run_dir = folder / "run"
        self.run_dir.mkdir(mode=0o700, exist_ok=True)
        self._settings = folder / "site.toml"
        self._settings.write_text(
            '[site]\nname = "site"\ngateway = "gateway"\nrun_dir = "run"\n[tap]\nmetrics = "127.0.0.1:0"\n',
            encoding="utf-8",
        )
        self.output = folder / "output"
        self.process: subprocess.Popen[bytes] | None = None
        self.address = ""

    def start(self) -> None:
        """Start it and wait until it is ready."""
        before = self.text().count("ready ")
        self.launch()
        wait_until(lambda: self.text().count("ready ") > before, f"the tap is ready: {self.text()}")
        self.address = [match["address"] for match in _READY.finditer(self.text())][-1]

    def launch(self) -> "subprocess.Popen[bytes]":
        """Start it and do not wait."""
        command = [sys.executable, "-c", _PROGRAM, "tap", "-c", str(self._settings), "--log-level", "debug"]
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=output)
        return self.process

    def text(self) -> str:
        """Give what it has written to standard output and error."""
        return self.output.read_text(encoding="utf-8", errors="replace") if self.output.exists() else ""

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process
        self.process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it with a signal; give its exit code."""
        self.send_signal(number)
        assert self.process
        return self.process.wait(DEADLINE_S)

    def relay(self) -> socket.socket:
        """Connect as a relay's worker does."""
        sock = seqpacket()
        sock.connect(str(self.run_dir / "tap.sock"))
        return sock

    def page(self) -> str:
        """Give the metrics page."""
        with urllib.request.urlopen(f"http://{self.address}/metrics", timeout=10) as response:
            return str(response.read().decode())

    def metric(self, name: str) -> float:
        """Give one number of the page."""
        found = re.search(rf"^{re.escape(name)} (\S+)$", self.page(), re.MULTILINE)
        assert found, name
        return float(found[1])

    def network_sockets(self) -> int:
        """Count the sockets it has that are not of this machine alone (AF_INET and the like)."""
        assert self.process
        process = Path(f"/proc/{self.process.pid}")
        inodes: set[str] = set()
        for descriptor in (process / "fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                found = re.fullmatch(r"socket:\[(\d+)\]", str(descriptor.readlink()))
                inodes |= {found[1]} if found else set()
        lines = [line for table in _TABLES for line in (process / "net" / table).read_text().splitlines()[1:]]
        return sum(line.split()[9] in inodes for line in lines)


class Health:
    """The health process's end: takes packets in a thread, for as long as it listens."""

    def __init__(self, run_dir: Path) -> None:
        self._path = run_dir / "events.sock"
        self._path.unlink(missing_ok=True)
        self._socks: list[socket.socket] = []
        self._server = health_listens(self._path)
        self._server.settimeout(None)
        self.packets: list[bytes] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def events(self) -> list[ev.AnyEvent]:
        """Give every event so far."""
        return [event for packet in list(self.packets) for event in ev.decode(packet).events]

    def wait_for(self, condition: Callable[[list[ev.AnyEvent]], bool], what: str) -> None:
        """Wait until the events so far are as they should be."""
        wait_until(lambda: condition(self.events), what)

    def close(self) -> None:
        """Go away."""
        if self._server.fileno() < 0:
            return
        self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join(DEADLINE_S)
        self._server.close()
        for sock in self._socks:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._server.accept()
                self._socks.append(sock)
                threading.Thread(target=self._take, args=(sock,), daemon=True).start()

    def _take(self, sock: socket.socket) -> None:
        with sock:
            while packet := sock.recv(ev.PACKET_BYTES_MAX + 1):
                self.packets.append(packet)


@contextlib.contextmanager
def running(folder: Path) -> Iterator[tuple[Tap, Health]]:
    """Run a tap and the health process's end in a folder; whatever is left is killed at the end."""
    tap = Tap(folder)
    health = Health(tap.run_dir)
    try:
        tap.start()
        yield tap, health
    finally:
        if tap.process and tap.process.poll() is None:
            tap.process.kill()
            tap.process.wait(DEADLINE_S)
        health.close()
