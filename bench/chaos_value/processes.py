"""This file starts, kills and restarts the soak's processes; it guards that none outlives the soak."""

import re
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import trustme

_READY = re.compile(rb"\bready\b")
_START_S = 20.0
_STOP_S = 60.0


@dataclass
class Process:
    """One process that may die and come back.

    Attributes:
        name: In the report.
        command: How it is started.
        log: Where it writes; a line with "ready" tells that it serves.
        kills: How often it was killed.
        surprises: How it ended by itself, which it never should.
        starts: How often it will have said that it is ready when it is.
    """

    name: str
    command: list[str]
    log: Path
    kills: int = 0
    surprises: list[str] = field(default_factory=list)
    starts: int = 0
    _process: "subprocess.Popen[bytes] | None" = None
    _is_asked: bool = False

    def start(self) -> None:
        """Start it; it may not be ready yet."""
        self.starts = self._times_ready() + 1
        with self.log.open("ab") as log:
            self._process = subprocess.Popen([sys.executable, *self.command], stdout=log, stderr=log)

    def wait_ready(self) -> None:
        """Wait until it has said so since it was started.

        Raises:
            SystemExit: It did not.
        """
        end = time.monotonic() + _START_S
        while self._times_ready() < self.starts:
            if time.monotonic() > end or (self._process is not None and self._process.poll() is not None):
                raise SystemExit(f"{self.name} did not start: {self.log.read_text(encoding='utf-8')[-2000:]}")
            time.sleep(0.02)

    def _times_ready(self) -> int:
        return len(_READY.findall(self.log.read_bytes())) if self.log.exists() else 0

    def kill(self) -> None:
        """Kill it without a word."""
        self.look()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self.kills += 1

    def look(self) -> None:
        """Note an end that nobody asked for."""
        if self._process is not None and self._process.poll() is not None:
            self.surprises.append(f"{self.name} ended by itself with {self._process.returncode}")
            self._process = None

    def ask_to_end(self) -> None:
        """Tell it to end in order, once: a second signal could meet it when it no longer listens."""
        if self._process is not None and self._process.poll() is None and not self._is_asked:
            self._is_asked = True
            self._process.send_signal(signal.SIGTERM)

    def stop(self, wait_s: float = _STOP_S) -> None:
        """Let it end in order, and kill it where it does not."""
        self.ask_to_end()
        if self._process is None:
            return
        try:
            code = self._process.wait(wait_s)
            if code:
                self.surprises.append(f"{self.name} ended with {code}")
        except subprocess.TimeoutExpired:
            self.surprises.append(f"{self.name} did not end within {wait_s:.0f} s")
            self._process.kill()
            self._process.wait()
        self._process = None

    def end(self) -> None:
        """Leave nothing behind."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@dataclass
class Site:
    """All processes.

    Attributes:
        relay: The relay.
        tap: The tap.
        csms: The CSMS.
        chargers: Processes of chargers.
    """

    relay: Process
    tap: Process
    csms: Process
    chargers: list[Process]

    @property
    def all(self) -> list[Process]:
        """Give every process."""
        return [self.csms, self.tap, self.relay, *self.chargers]


def build(stack: ExitStack, folder: Path, ports: tuple[int, int, int], count: int, groups: int) -> Site:
    """Write the settings and describe the processes; each is ended with the stack.

    Args:
        stack: Ends them.
        folder: For everything that is written.
        ports: Of the CSMS, of the relay's plain listener and of its TLS listener.
        count: Chargers.
        groups: Processes of chargers; every other one speaks TLS.
    """
    csms_port, plain, secure = ports
    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    leaf.cert_chain_pems[0].write_to_path(folder / "leaf.pem")
    leaf.private_key_pem.write_to_path(folder / "leaf.key")
    (folder / "run").mkdir(mode=0o700)
    (folder / "site.toml").write_text(
        f'[site]\nname = "soak"\ngateway = "soak"\nrun_dir = "run"\n[tap]\nmetrics = "127.0.0.1:0"\n'
        f'[value]\nmetrics = "127.0.0.1:0"\n[value.csms]\nurl = "ws://127.0.0.1:{csms_port}/ocpp"\n'
        f'[[value.listen]]\naddress = "127.0.0.1:{plain}"\npath = "/ocpp"\n'
        f'[[value.listen]]\naddress = "127.0.0.1:{secure}"\npath = "/ocpp"\n'
        f'certificate = "leaf.pem"\nkey = "leaf.key"\n',
        encoding="utf-8",
    )
    settings = ["-c", str(folder / "site.toml")]

    def process(name: str, *command: str) -> Process:
        made = Process(name, list(command), folder / f"{name}.log")
        stack.callback(made.end)
        return made

    each = count // groups
    chargers = []
    for group in range(groups):
        url = f"wss://127.0.0.1:{secure}/ocpp" if group % 2 else f"ws://127.0.0.1:{plain}/ocpp"
        arguments = (url, str(folder / "ca.pem"), str(folder), str(group * each), str(each))
        chargers.append(process(f"chargers-{group}", "-m", "bench.chaos_value.chargers", *arguments))
    return Site(
        process("relay", "-m", "isolane.cli.main", "value", *settings),
        process("tap", "-m", "isolane.cli.main", "tap", *settings),
        process("csms", "-m", "bench.chaos_value.csms", str(csms_port), str(folder)),
        chargers,
    )
