"""This file lets thousands of chargers send over the real wire; it guards that a center of its own process is measured.

Each gateway has ten chargers, a certificate and a kept connection, and posts a block of 60 rows a minute at a second of
its own. What the pages cost is asked of the same center, which has everybody's blocks then.
"""

import asyncio
import os
import resource
import socket
import sys
import time
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from bench.center.queries import Took, timed
from bench.center.samples import STEP_MS, History
from bench.center.servers import cpu_s
from bench.chaos_health.ground import Daemon

from isolane.core.signals import Signal
from isolane.security.authority import Authority
from isolane.security.tls import client_context
from isolane.wire.block import Block, BlockKey, encode, gateway_tag
from isolane.wire.schema import Schema
from isolane.wire.uplink import Up, decode_downlink, ingest_path

CHARGERS = 10
"""Of a gateway."""
ROWS = 60
_SITES = 20
_SETTINGS = """
[center]
data = "data"
console = "127.0.0.1:{console}"
[center.https]
address = "127.0.0.1:{https}"
certificate = "{folder}/server.pem"
key = "{folder}/server.key"
client_ca = "{folder}/ca.pem"
connections_max = 20000
[center.store]
offline_after_s = 600
"""


@dataclass(frozen=True)
class Fleet:
    """What was found.

    Attributes:
        chargers: That sent.
        seconds: For so long.
        samples: Acknowledged.
        cores: Of processor time, a second, of the center.
        memory_mb: Resident at the end.
        answer_ms: From a post to its acknowledgement: median and worst.
        behind: Posts that had to wait for the one before.
        pages: How long pages took, with few chargers, more and all.
    """

    chargers: int
    seconds: float
    samples: int
    cores: float
    memory_mb: float
    answer_ms: tuple[float, float]
    behind: int
    pages: list[Took]


class _Gateway:
    """A gateway and its connection."""

    def __init__(self, number: int, authority: Authority, load: History) -> None:
        self.name = f"gw-{number:04}"
        self.site = f"site-{number % _SITES:02}"
        identity = authority.issue(self.name, common_name=self.name)
        self._tls = client_context(authority.certificate, identity.certificate, identity.key)
        signals = [Signal(f"{self.name}-{one.charger}", one.key, one.unit, one.resolution) for one in load.signals]
        self._schema = Schema.of(tuple(signals))
        self._load = load
        self._sequence = 0
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.took_ms: list[float] = []
        self.behind = 0

    async def begin(self, port: int) -> None:
        """Connect and tell the schema."""
        self._streams = await asyncio.open_connection("127.0.0.1", port, ssl=self._tls)
        await self._post(Up.SCHEMA, self._schema.json)

    async def send(self, t0_ms: int, epoch: int) -> int:
        """Send the next block and wait for its acknowledgement; give its samples."""
        at = (self._sequence * ROWS) % (self._load.values.shape[1] - ROWS + 1)
        self._sequence += 1
        values = np.ascontiguousarray(self._load.values[:, at : at + ROWS])
        key = BlockKey(epoch, 0, self._sequence)
        block = Block(key, self._schema.id, t0_ms, STEP_MS, values, np.zeros(values.shape, np.uint8))
        data = encode(block, gateway_tag(self.site, self.name))
        begun = time.perf_counter()
        answer = decode_downlink(await self._post(Up.BLOCK, data))
        self.took_ms.append((time.perf_counter() - begun) * 1000)
        if not any(self._sequence in ack.blocks for ack in answer.acks):
            raise SystemExit(f"center: {self.name}: a block was not acknowledged")
        return int(np.size(values))

    async def _post(self, kind: Up, body: bytes) -> bytes:
        if self._streams is None:
            raise SystemExit(f"center: {self.name} is not connected")
        reader, writer = self._streams
        path = ingest_path(self.site, self.name, kind)
        writer.write(f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        if " 200 " not in head.partition("\r\n")[0]:
            raise SystemExit(f"center: {self.name}: {head.partition(chr(13))[0]}")
        length = int(head.partition("content-length:")[2].partition("\r\n")[0])
        return await reader.readexactly(length)

    def end(self) -> None:
        """Close the connection."""
        if self._streams is not None:
            self._streams[1].transport.abort()


def measure(stack: ExitStack, folder: Path, gateways: tuple[int, ...], minutes: float) -> Fleet:
    """Start a center, let more and more gateways send, and ask for its pages.

    Args:
        stack: Ends the center.
        folder: For everything that is written.
        gateways: How many there are when pages are asked for, ascending; the last is how many send on.
        minutes: For how long they do.
    """
    folder.mkdir()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4 * gateways[-1] + 1000)), hard))
    authority = Authority(folder)
    authority.create("bench")
    authority.issue("server", common_name="localhost", hosts=("127.0.0.1", "localhost"))
    console, https = _free_ports(2)
    settings = folder / "center.toml"
    settings.write_text(_SETTINGS.format(console=console, https=https, folder=folder), encoding="utf-8")
    command = [sys.executable, "-m", "isolane", "center", "-c", str(settings)]
    center = Daemon("center", command, folder / "log", ready=r"\bready\b")
    stack.callback(center.end)
    center.start()
    center.wait_ready()
    load = History.lived(CHARGERS, 0, 10 * ROWS)
    made = [_Gateway(number, authority, load) for number in range(gateways[-1])]
    found = asyncio.run(_measured(made, gateways, (https, console), center.pid, minutes))
    center.stop()
    if center.surprises:
        raise SystemExit(f"center: {center.surprises[0]}")
    return found


async def _measured(
    made: list[_Gateway], counts: tuple[int, ...], ports: tuple[int, int], pid: int, minutes: float
) -> Fleet:
    gate, epoch, pages, begun = asyncio.Semaphore(20), time.time_ns() // 1_000_000, [], 0

    async def join(gateway: _Gateway) -> None:
        async with gate:
            await gateway.begin(ports[0])
            await gateway.send(epoch - 2 * ROWS * STEP_MS * (1 + round(minutes)), epoch)

    try:
        for count in counts:
            await asyncio.gather(*(join(gateway) for gateway in made[begun:count]))
            begun = count
            pages += await _asked(ports[1], count)
        for gateway in made:
            gateway.took_ms.clear()
        seconds, samples, cores = await _sent(made, epoch, pid, minutes)
        took = np.array([ms for gateway in made for ms in gateway.took_ms])
    finally:
        for gateway in made:
            gateway.end()
    answer_ms = float(np.median(took)), float(took.max())
    behind = sum(gateway.behind for gateway in made)
    return Fleet(len(made) * CHARGERS, seconds, samples, cores, _resident_mb(pid), answer_ms, behind, pages)


def fleet_pages(chargers: int) -> tuple[str, str]:
    """Name what is asked of the console: a fleet's first page, and what a search through all of it finds."""
    return f"fleet page of {chargers:,} chargers", f"search for one charger's name in {chargers:,}"


async def _asked(port: int, gateways: int) -> list[Took]:
    """Ask for pages while so many gateways are there."""
    chargers, last = gateways * CHARGERS, f"gw-{gateways - 1:04}-CP-01"
    page, search = fleet_pages(chargers)
    return [
        await timed(page, partial(_page, port, "/", f"/{chargers}</span>")),
        await timed(search, partial(_page, port, f"/?q={last}", f'data-charger="{last}"')),
        await timed(f"list of {chargers:,} chargers, API", partial(_page, port, "/api/v1/chargers", f'"{last}"')),
    ]


async def _sent(made: Sequence[_Gateway], epoch: int, pid: int, minutes: float) -> tuple[float, int, float]:
    """Let all send, spread over each minute; give seconds, samples and cores."""
    begun, used_s = time.monotonic(), cpu_s(pid)
    rounds = max(1, round(minutes))
    span_s = minutes * 60 / rounds
    phases = (begun + span_s * number / len(made) for number in range(len(made)))
    counts = await asyncio.gather(
        *(_live(gateway, phase, span_s, rounds, epoch) for gateway, phase in zip(made, phases, strict=True))
    )
    seconds = time.monotonic() - begun
    return seconds, sum(counts), (cpu_s(pid) - used_s) / seconds


async def _live(gateway: _Gateway, first_s: float, span_s: float, rounds: int, epoch: int) -> int:
    """Send a block at each turn; one that comes late is counted."""
    samples = 0
    for number in range(rounds):
        wait_s = first_s + number * span_s - time.monotonic()
        gateway.behind += wait_s < -1
        await asyncio.sleep(max(0.0, wait_s))
        t0_ms = epoch + (number - rounds) * ROWS * STEP_MS
        samples += await gateway.send(t0_ms, epoch)
    return samples


async def _page(port: int, path: str, holds: str) -> int:
    """Ask for a page; gives its bytes, 0 without what it must hold."""

    def get() -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
            body = bytes(answer.read())
        return len(body) if holds.encode() in body else 0

    return await asyncio.to_thread(get)


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(each.getsockname()[1]) for each in sockets]
