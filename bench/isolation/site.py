"""This file is one site behind its link; it guards that A is the same in all rows, and B runs only in its own turns.

B is stopped (SIGSTOP) while it is not its turn, and a turn ends when nothing of it is left in a socket or in the modem.
"""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.isolation.namespaces import Link, Namespace
from bench.isolation.plan import CPU, DISK, LOOSE, OVERLOAD, PRODUCT
from bench.isolation.processes import Asked, Server
from bench.isolation.processors import Processors
from bench.isolation.signals import points
from bench.isolation.world import CSMS_PORT, GATEWAY

_RELAY_PORT, _FEED_PORT = 9000, 9001
_MODULE = "isolane.cli.main"
_DISK_BYTES = 4 << 20
_DRAINED_S = 30.0
_ESTABLISHED = "01"
_HEAD = """\
[site]
name = "bench"
gateway = "{gateway}"
run_dir = "run"
"""
_A = """\
[value]
metrics = "127.0.0.1:0"
[value.csms]
url = "wss://{host}:{csms}/ocpp"
ca = "{pki}/ca.pem"
[[value.listen]]
address = "127.0.0.1:{relay}"
path = "/ocpp"
[tap]
metrics = "127.0.0.1:0"
key_file = "tap.key"
"""
_B = """\
[health]
metrics = "127.0.0.1:{metrics}"
flush_s = 0
[health.sampling]
step_ms = {step_ms}
[health.outbox]
path = "{outbox}/outbox.db"
bytes_max = {bytes_max}
[[health.sources]]
type = "http_json"
name = "devices"
url = "http://127.0.0.1:{feed}/"
period_s = {period_s}
points = [
{points}
]
[[health.links]]
type = "mqtt"
host = "{host}"
port = {broker}
ca = "{pki}/ca.pem"
certificate = "{pki}/gateway.pem"
key = "{pki}/gateway.key"
keepalive_s = 120
reconnect_s_max = 2
ack_timeout_s = 120
dead_s = 120
"""
_BUDGET = {
    PRODUCT: "[health.budget]\nlink_kbit_s = {kbps}\n",
    LOOSE: "[health.budget]\nrate_kbit_s = 1e7\nhold_ms_max = 0\ntrickle = 1\ndscp = 0\nsegment_bytes = 1460\n",
}
"""The operator says what the uplink carries, and nothing else; or takes every brake off."""
METRICS = {PRODUCT: 9102, LOOSE: 9103}


class Site:
    """The gateway of one link with its chargers and devices.

    Args:
        stack: Ends it.
        namespace: Where it runs.
        link: Its way to the world.
        kbps: Of the link.
        folder: For settings and logs; its own.
        pki: Certificates.
        brokers: Port of the broker by row.
    """

    def __init__(
        self,
        stack: ExitStack,
        namespace: Namespace,
        link: Link,
        *,
        kbps: int,
        folder: Path,
        pki: Path,
        brokers: dict[str, int],
    ) -> None:
        self.kbps, self.link, self.brokers = kbps, link, brokers
        self._namespace, self._folder, self._pki = namespace, folder, pki
        self._health: dict[str, Server] = {}
        folder.mkdir()
        (folder / "run").mkdir(mode=0o700)
        settings = folder / "site.toml"
        text = _HEAD.format(gateway=GATEWAY)
        text += _A.format(host=link.world_host, csms=CSMS_PORT, pki=pki, relay=_RELAY_PORT)
        settings.write_text(text, encoding="utf-8")
        feed = namespace.python("bench.isolation.feed", str(_FEED_PORT), str(kbps))
        self._feed = Server(stack, feed, folder / "feed.log", "ready")
        self._tap = self._start(stack, "tap", settings)
        self._relay = self._start(stack, "value", settings)
        self._feed.wait()
        self._tap.wait()
        self._relay.wait()
        load = namespace.python("bench.isolation.chargers", str(_RELAY_PORT))
        self._chargers = Asked(stack, load, folder / "chargers.log").wait()

    def settings_of(self, row: str, load: str) -> Path:
        """Write the settings of B for a row under a load, in a folder of their own."""
        folder = self._folder / f"{load}-{'product' if row == PRODUCT else 'loose'}"
        outbox = folder / "outbox"
        if not folder.exists():
            outbox.mkdir(parents=True)
            (folder / "run").mkdir(mode=0o700)
        fast = load == OVERLOAD
        text = _HEAD.format(gateway=GATEWAY)
        if row == PRODUCT:
            text = text.replace('"run"', f'"{self._folder}/run"')  # where the tap tells of the business
        text += _B.format(
            metrics=METRICS[row],
            step_ms=100 if fast else 1000,
            period_s=0.1 if fast else 1.0,
            outbox=outbox,
            bytes_max=_DISK_BYTES // 2 if load == DISK else 256 << 20,
            feed=_FEED_PORT,
            points="\n".join(f"  {point}," for point in points()),
            host=self.link.world_host,
            broker=self.brokers[row],
            pki=self._pki,
        )
        text += _BUDGET[row].format(kbps=self.kbps)
        settings = folder / "site.toml"
        settings.write_text(text, encoding="utf-8")
        return settings

    def start(self, stack: ExitStack, row: str, settings: Path) -> None:
        """Start B of a row."""
        self._health[row] = self._start(stack, "health", settings, "link-up")
        stack.callback(self._health.pop, row)

    def wait_up(self, processors: Processors) -> None:
        """Wait until each B has its link, and put the product's where it belongs."""
        for row, server in self._health.items():
            server.wait()
            processors.place(server.pid, "b" if row == PRODUCT else None)

    def turn(self, row: str, processors: Processors, *, on: bool) -> None:
        """Let B of a row go on, or stop it."""
        if on:
            processors.place(self._relay.pid, None if row == LOOSE else "a")
            processors.place(self._tap.pid, None if row == LOOSE else "b")
        if row in self._health:
            self._health[row].signal(signal.SIGCONT if on else signal.SIGSTOP)

    def block(self, seconds: float, seed: int, telemetry_hz: float) -> None:
        """Let the chargers begin a block."""
        self._chargers.ask(json.dumps({"seconds": seconds, "seed": seed, "telemetry_hz": telemetry_hz}))

    def times(self) -> tuple[list[tuple[str, float | None]], int]:
        """Wait for the end of the block; give each message with its time, s, and telemetry calls answered."""
        found = self._chargers.json()
        return [(kind, took_s) for kind, took_s in found["times"]], found["telemetry"]

    def drain(self) -> float:
        """Wait until nothing is left in sockets and modem; give how long that took, s."""
        began = time.monotonic()
        while (passed_s := time.monotonic() - began) < _DRAINED_S:
            ways = self.link.ask().values()
            if not any(way["under_way"] for way in ways) and not self._unsent():
                break
            time.sleep(0.05)
        return passed_s

    def page(self, row: str) -> str:
        """Give the metrics page of B of a row."""
        url = f"http://127.0.0.1:{METRICS[row]}/metrics"
        script = f"import urllib.request; print(urllib.request.urlopen('{url}', timeout=5).read().decode())"
        command = self._namespace.command("python3", "-S", "-c", script)
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def _unsent(self) -> int:
        """Bytes that wait in the sockets to the brokers."""
        ports = set(self.brokers.values())
        lines = Path(f"/proc/{self._chargers.pid}/net/tcp").read_text(encoding="ascii").splitlines()[1:]
        connections = (re.split(r"[\s:]+", line.strip()) for line in lines)
        return sum(int(each[6], 16) for each in connections if int(each[4], 16) in ports and each[5] == _ESTABLISHED)

    def _start(self, stack: ExitStack, room: str, settings: Path, ready: str = "ready ") -> Server:
        command = self._namespace.python(_MODULE, room, "-c", settings)
        return Server(stack, command, settings.parent / f"{room}.log", ready)


def full_disk(stack: ExitStack, settings: Path) -> Path:
    """Put the outbox of some settings onto a disk of its own; give its folder."""
    outbox = settings.parent / "outbox"
    subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES}", "tmpfs", outbox], check=True)
    stack.callback(lambda: subprocess.run(["/bin/umount", "-l", outbox], check=False))
    return outbox


def fill_up(disk: Path) -> None:
    """Leave no byte free on a disk."""
    with (disk / "filler").open("wb", buffering=0) as filler:
        for size in (1 << 16, 1 << 12):
            try:
                while filler.write(os.urandom(size)):
                    continue
            except OSError:
                continue


def burners_of(
    stack: ExitStack, load: str, rows: Sequence[str], processors: Processors
) -> "dict[str, list[subprocess.Popen[bytes]]]":
    """Start what burns the CPU for each row, stopped."""
    if load != CPU:
        return {}
    return {row: processors.burners(stack, "b" if row == PRODUCT else None) for row in rows}
