"""This file sets sick peers on every source that has a peer; it guards that sickness stays a reason and stays at home.

Whatever the far end does: the source goes on, tells each of its signals BAD once a cycle, neither storms the peer nor
fills memory, delays no neighbour in the same process, and when it is stopped leaves no task and no descriptor.
"""

import asyncio
import contextlib
import gc
import os
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import pairwise
from pathlib import Path

import pytest

from isolane.config.site import Site
from isolane.config.values import Address, Secret
from isolane.core.clock import SystemClock
from isolane.core.samples import Quality, Reason
from isolane.health.sources.catalogue import BuiltSource, build
from isolane.health.sources.host.settings import HostSettings
from isolane.health.sources.http_json.settings import HttpJsonSettings, JsonPointSettings
from isolane.health.sources.modbus.settings import DeviceSettings, ModbusSettings
from isolane.health.sources.mqtt.settings import MqttSourceSettings, TopicPointSettings
from isolane.health.sources.settings import AnySourceSettings
from isolane.health.sources.snmp.settings import SnmpSettings
from support.readings import running
from support.together import together

PERIOD_S = 0.1
KEYS = ("0.0/xUps/xCharge", "0.0/xUps/xLoad")
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def hangs(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read(-1)


async def hangs_up(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    pass


async def resets(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    for _ in range(2000):
        writer.write(b"\xa5" * 65_536)
        await writer.drain()


async def greets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example.org ESMTP\r\n" * 100)
    await reader.read(-1)


async def echoes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(4096):
        writer.write(data)


async def stammers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Half of what it was sent, byte by byte, for ever."""
    data = await reader.read(4096)
    for byte in data[: len(data) // 2] * 1000:
        writer.write(bytes((byte,)))
        await writer.drain()
        await asyncio.sleep(0.01)


SICK: dict[str, Serve] = {each.__name__: each for each in (hangs, hangs_up, resets, floods, greets, echoes, stammers)}


class Peer:
    """A TCP server of the given sickness, and a UDP one that answers every datagram with nonsense."""

    def __init__(self, serve: Serve) -> None:
        self.connections = 0
        self._serve = serve
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._datagrams: asyncio.BaseTransport | None = None
        self.address = Address("127.0.0.1", 0)

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.address = Address("127.0.0.1", self._server.sockets[0].getsockname()[1])
        loop = asyncio.get_running_loop()
        with contextlib.suppress(
            OSError
        ):  # the number may be taken for UDP; then nobody answers, which is sick as well
            self._datagrams, _ = await loop.create_datagram_endpoint(_Nonsense, ("127.0.0.1", self.address.port))

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()
        if self._datagrams is not None:
            self._datagrams.close()
        await asyncio.sleep(0)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await self._serve(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.transport.abort()


class _Nonsense(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        send = self._transport.sendto  # type: ignore[attr-defined] # a datagram transport
        for wrong in (data[:-2], b"\x30\x84\xff\xff\xff\xff", b"\0" * 1200):
            send(wrong, addr)


def tables(address: Address, folder: Path) -> dict[str, AnySourceSettings]:
    secret = Secret.parse("env:PATH", folder)
    devices = (DeviceSettings(charger="", template="eastron_sdm630", unit=7, evse=0, only=("ElectricalFeed/Power",)),)
    polled = {"fast_s": PERIOD_S, "slow_s": PERIOD_S, "timeout_s": 0.3, "reconnect_s_max": 0.5}
    return {
        "modbus": ModbusSettings(name="sick", address=address, devices=devices, **polled),  # type: ignore[arg-type]
        "modbus rtu": ModbusSettings(
            name="sick",
            address=address,
            framing="rtu",
            devices=devices,
            **polled,  # type: ignore[arg-type]
        ),
        "http_json": HttpJsonSettings(
            name="sick",
            url=f"http://{address}/status",
            points=tuple(JsonPointSettings(key=key, path="x") for key in KEYS),
            body_bytes_max=65_536,
            period_s=PERIOD_S,
            timeout_s=0.3,
            reconnect_s_max=0.5,
        ),
        "mqtt": MqttSourceSettings(
            name="sick",
            address=address,
            points=tuple(TopicPointSettings(key=key, topic="x", period_s=PERIOD_S) for key in KEYS),
            timeout_s=0.3,
            reconnect_s_max=0.5,
        ),
        "snmp": SnmpSettings(
            name="sick",
            address=address,
            community=secret,
            presets=("ups-mib",),
            period_s=PERIOD_S,
            timeout_s=0.3,
            reconnect_s_max=0.5,
        ),
    }


STREAMS = sorted(tables(Address("127.0.0.1", 9), Path()).keys() - {"snmp"})
CASES = [*((protocol, sickness) for protocol in STREAMS for sickness in SICK), ("snmp", "hangs")]
"""SNMP has datagrams: of a peer's ways only one is left, to answer nonsense."""


@contextlib.asynccontextmanager
async def nothing_left() -> AsyncIterator[None]:
    """Nothing that was begun inside is there afterwards: no task, no descriptor."""

    def descriptors() -> int:
        gc.collect()
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - counting, not walking

    tasks, before = asyncio.all_tasks(), descriptors()
    yield
    async with asyncio.timeout(10):  # a library's thread may still be opening what it closes at once
        while (asyncio.all_tasks() - tasks) or descriptors() > before:
            await asyncio.sleep(0.02)


def made(table: AnySourceSettings, folder: Path) -> BuiltSource:
    return build([table], Site(name="here", gateway="gw-1", run_dir=folder), SystemClock())[0]


@pytest.mark.parametrize("sickness", SICK)
async def test_sickness_is_a_reason_and_stays_at_home(sickness: str, tmp_path: Path) -> None:
    """All protocols at once: each has a peer of its own, and one neighbour suffers from them all, or does not."""
    protocols = [protocol for protocol, one in CASES if one == sickness]
    neighbour = made(HostSettings(period_s=PERIOD_S), tmp_path)

    async def case(protocol: str) -> None:
        peer = Peer(SICK[sickness])
        await peer.start()
        await _suffers(made(tables(peer.address, tmp_path)[protocol], tmp_path), peer)
        await peer.stop()

    async def warm_up(protocol: str) -> None:
        peer = Peer(SICK[sickness])
        await peer.start()
        async with running(made(tables(peer.address, tmp_path)[protocol], tmp_path)):
            await asyncio.sleep(0)  # libraries open what they keep
        await peer.stop()

    await together(protocols, warm_up)
    async with nothing_left():
        tracemalloc.start()
        async with running(neighbour) as well:
            await together(protocols, case)
            await well.until(lambda: len(well.readings) >= 6 * len(neighbour.signals))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 24 << 20, "memory is bounded"
    _keeps_its_pace([each.source_mono_ns for each in well.readings if each.signal == well.readings[0].signal])
    assert Quality.GOOD in {each.quality for each in well.readings}


async def _suffers(source: BuiltSource, peer: Peer) -> None:
    async with running(source) as sick:
        await sick.until(lambda: len(sick.readings) >= 6 * len(source.signals))
    assert not sick.good()
    assert sick.reasons() <= {Reason.TIMEOUT, Reason.DISCONNECTED, Reason.MALFORMED, Reason.REFUSED}
    told = Counter(each.signal for each in sick.readings)
    assert max(told.values()) - min(told.values()) <= 1, "each signal once a cycle"
    span_s = (sick.readings[-1].source_mono_ns - sick.readings[0].source_mono_ns) / 1e9
    assert peer.connections <= 4 + 3 * span_s, "reconnecting is no storm"


def _keeps_its_pace(stamps: list[int]) -> None:
    gaps = sorted(later - one for one, later in pairwise(stamps))
    assert gaps[len(gaps) // 2] < 2.5 * PERIOD_S * 1e9, f"the neighbour was held up: {gaps}"
