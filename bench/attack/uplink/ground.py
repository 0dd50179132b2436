"""This file stands Channel B up; it guards that broker and settings are those that `isolane init` writes."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.attack.process import Process
from bench.attack.uplink.door import Door
from bench.attack.uplink.feed import draft
from bench.attack.uplink.stored import Stored, read_store

from isolane.cli import folder as templates
from isolane.health.outbox.lanes import Lane
from isolane.security.authority import Authority, Identity

SITE, GATEWAY, OTHER = "site", "gw-01", "gw-02"
MOSQUITTO = "/usr/sbin/mosquitto"
_PACE = "ack_timeout_s = 2\nledger_s = 1\nreconnect_s_max = 2\ndead_s = 5\n"
_SETTLE_S = 90.0


class Gateway(Process):
    """The feed's process, spoken to by lines.

    Attributes:
        before: Words before its command line.
        puts: Numbers that were said to be in the outbox, one by one.
    """

    def __init__(self, settings: Path, log: Path) -> None:
        super().__init__("health", settings, log)
        self.before: list[str] = []
        self._turn = asyncio.Lock()

    async def launch(self) -> asyncio.subprocess.Process:
        """See `Process.launch`."""
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self.before, sys.executable, "-m", "bench.attack.uplink.feed", str(self.settings),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log, limit=1 << 24,
            )  # fmt: skip
        return self.process

    def send(self, number: signal.Signals) -> None:
        """Send the gateway itself a signal, not what it runs under."""
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            if self.is_alive:
                os.kill(leaf(self.pid), number)

    async def kill(self) -> None:
        """See `Process.kill`."""
        self.send(signal.SIGKILL)
        await super().kill()

    async def ask(self, **command: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Give a command and wait for its answer.

        Raises:
            RuntimeError: The process ended.
        """
        async with self._turn, asyncio.timeout(120):
            process = self.process
            if process is None or process.stdin is None or process.stdout is None:
                raise RuntimeError("the gateway does not run")
            process.stdin.write(json.dumps(command).encode() + b"\n")
            await process.stdin.drain()
            while True:
                line = await process.stdout.readline()
                if not line:
                    raise RuntimeError("the gateway ended")
                if line.startswith(b"{"):
                    answer: dict[str, Any] = json.loads(line)
                    return answer


def leaf(pid: int) -> int:
    """Give the process that a wrapper has started, or has become."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return int(children[0]) if children else pid


class Broker(Process):
    """mosquitto with the configuration of `isolane init`."""

    def __init__(self, conf: Path, log: Path, port: int) -> None:
        super().__init__("mosquitto", conf, log)
        self.port = port
        self.starts = 0

    async def start(self) -> float:
        """Start it and wait until it listens.

        Raises:
            RuntimeError: It does not.
        """
        began = time.monotonic()
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(MOSQUITTO, "-c", str(self.settings), stderr=log)
        self.starts += 1
        while time.monotonic() < began + 10:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return time.monotonic() - began
            if not self.is_alive:
                break
            await asyncio.sleep(0.02)
        raise RuntimeError(f"mosquitto did not start: {self.text()[-300:]}")

    def set(self, **lines: object) -> None:
        """Change lines of its configuration; the next start heeds them."""
        text = self.settings.read_text(encoding="utf-8")
        for name, value in lines.items():
            text = re.sub(rf"^{name} .*\n", "", text, flags=re.MULTILINE) + f"{name} {value}\n"
        self.settings.write_text(text, encoding="utf-8")


@dataclass
class Uplink:
    """A running Channel B.

    Attributes:
        fed: Numbers of blocks that were put into the outbox, each with its size.
        streams: What others have sent honestly: (gateway, epoch, stream) and the last number.
        hostile: Gateways whose rows would be an entry.
    """

    folder: Path
    authority: Authority
    broker: Broker
    center: Process
    gateway: Gateway
    mqtt: Door
    https: Door
    ingest_port: int
    metrics_port: int
    console_port: int
    identities: dict[str, Identity]
    fed: dict[int, int] = field(default_factory=dict)
    alarms: set[int] = field(default_factory=set)
    streams: dict[tuple[str, int, int], int] = field(default_factory=dict)
    received: list[tuple[str, bytes]] = field(default_factory=list)
    entries: list[str] = field(default_factory=list)
    settled: int = 0
    _identity: int = 0

    @property
    def metrics_url(self) -> str:
        """The center's metrics page."""
        return f"http://127.0.0.1:{self.metrics_port}/metrics"

    @property
    def center_identity(self) -> Identity:
        """The center's own."""
        return Identity(self.folder / "pki/center.pem", self.folder / "pki/center.key")

    @property
    def processes(self) -> tuple[Process, ...]:
        """Ours: gateway and center."""
        return self.gateway, self.center

    def stored(self) -> Stored:
        """Read what the center has."""
        return read_store(self.folder / "center")

    async def enqueue(self, n: int, size: int = 500, lane: Lane = Lane.LIVE, *, tell: bool = False) -> None:
        """Put blocks into the gateway's outbox."""
        first = max(self.fed, default=0) + 1
        numbers = range(first, first + n)
        self.fed.update(dict.fromkeys(numbers, size))
        if lane is Lane.ALARM:
            self.alarms.update(numbers)
        await self.gateway.ask(do="enqueue", first=first, n=n, size=size, lane=int(lane), tell=tell)

    async def books(self) -> dict[str, Any]:
        """Give the gateway's books."""
        return await self.gateway.ask(do="books")

    async def drained(self, seconds: float = _SETTLE_S, *, set_aside: int = 0) -> bool:
        """Wait until the center has acknowledged all but what was set aside."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            books = await self.books()
            if books["blocks_queued"] <= max(set_aside, 1) and not books["gaps_queued"]:
                return True
            await asyncio.sleep(0.2)
        return False

    async def missing(self, *, waiting: bool = False) -> list[str]:
        """Give what the center lacks of what was produced, values compared, gap records counted."""
        books = await self.books()
        stored = await asyncio.to_thread(self.stored)
        wrong = [f"{stored.copies} blocks twice"] if stored.copies else []
        last = {(GATEWAY, epoch, stream): number for epoch, stream, number in books["entries"]}
        for key, number in {**last, **self.streams}.items():
            here = set(stored.blocks.get(key, {}))
            for first, end, *_ in stored.gaps.get(key, []):
                here.update(range(first, end + 1))
            holes = set(range(1, number + 1)) - here
            allowed = books["blocks_queued"] + 1 if waiting else 1  # the newest is on its way
            if len(holes) > allowed:
                wrong.append(f"{key}: {len(holes)} of {number} missing, the first {min(holes)}")
        lost = [span for spans in stored.gaps.values() for span in spans]
        arrived = set(stored.fed())
        for number, size in self.fed.items():
            made = draft(number, size) if number not in arrived else None
            if made is not None and not any(one[2] <= made.t0_ms and made.end_ms <= one[3] for one in lost):
                wrong.append(f"block {number} of {size} bytes neither arrived as it was nor stands in a gap record")
        return wrong[:4]

    def retire(self) -> None:
        """The outbox that is now is about to go, empty: what follows begins with books of its own."""
        self.settled = max(self.fed, default=0)

    def issue(self, name: str) -> Identity:
        """Issue a certificate by the CA of the site; the same name gets another each time."""
        self._identity += 1
        made = self.authority.issue(f"{name}-{self._identity}", common_name=name)
        self.identities[name] = made
        return made


@contextlib.asynccontextmanager
async def uplink(folder: Path, *, links: tuple[str, ...], outbox: str = "") -> AsyncIterator[Uplink]:
    """Start Channel B in a folder of its own and end it whatever happens.

    Args:
        folder: Empty or absent.
        links: "mqtt", "https" or both.
        outbox: More settings of [health.outbox].
    """
    if shutil.which(MOSQUITTO) is None:
        raise RuntimeError("mosquitto is not installed: apt-get install mosquitto")
    async with contextlib.AsyncExitStack() as stack:
        broker_port, ingest_port, console, metrics = _free(4)
        mqtt = await stack.enter_async_context(Door(broker_port).open())
        https = await stack.enter_async_context(Door(ingest_port).open())
        authority = _write(folder, (broker_port, ingest_port, console, metrics), (mqtt.port, https.port), links, outbox)
        broker = Broker(folder / "mosquitto.conf", folder / "broker.log", broker_port)
        center = Process("center", folder / "center.toml", folder / "center.log")
        gateway = Gateway(folder / "site.toml", folder / "health.log")
        own = Identity(folder / "pki/gateway.pem", folder / "pki/gateway.key")
        ports = ingest_port, metrics, console
        made = Uplink(folder, authority, broker, center, gateway, mqtt, https, *ports, {GATEWAY: own})
        made.issue(OTHER)
        try:
            await broker.start()
            await center.start()
            await gateway.start()
            await made.enqueue(40, 3000)  # a gateway in use is the base, not one that has done nothing
            await made.enqueue(200)
            if not await made.drained(30):
                raise RuntimeError(f"Channel B does not deliver: {gateway.text()[-300:]} {center.text()[-300:]}")
            yield made
        finally:
            for process in (gateway, center, broker):
                await process.kill()
            await asyncio.to_thread(_clear, folder)


def _clear(folder: Path) -> None:
    if (folder / "health").is_mount():
        subprocess.run(["/bin/umount", str(folder / "health")], check=False)
    shutil.rmtree(folder, ignore_errors=True)


def _write(
    folder: Path, ports: tuple[int, ...], doors: tuple[int, ...], links: tuple[str, ...], outbox: str
) -> Authority:
    """Write what `isolane init` writes, with ports of ours and a quicker pace."""
    host = "127.0.0.1"
    values = {
        "file": str(folder / "site.toml"), "value_metrics": f"{host}:0", "tap_metrics": f"{host}:0",
        "health_metrics": f"{host}:0", "center_metrics": f"{host}:{ports[3]}", "csms": "wss://csms.example/ocpp",
        "csms_trust": "", "listen_ws": f"{host}:0", "listen_wss": f"{host}:0", "tap_more": "",
        "block_rows": f"5\n{outbox}",
        "sources": "", "console": f"{host}:{ports[2]}", "ingest": f"{host}:{ports[1]}", "ingest_port": str(doors[1]),
        "broker_port": str(doors[0]), "broker_bind": host, "broker_host": host, "center_host": host,
    }  # fmt: skip
    values["links"] = "\n".join(f"{templates.passage(f'{link}.toml', values)}{_PACE}" for link in links)
    values["links"] += "[health.budget]\nrate_kbit_s = 400\n"
    values["broker_port"] = str(ports[0])
    values["mqtt"] = templates.passage("center-mqtt.toml", values) + 'client_id = "center"\nreconnect_s_max = 0.5\n'
    values["mqtt"] += "[center.store]\nhot_minutes = 1440\n"
    return templates.make(templates.Plan(folder, SITE, GATEWAY, (host,), (host, "localhost"), values))


def _free(number: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(socket.socket()) for _ in range(number)]
        for sock in socks:
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in socks]
