"""This file is a broker with a Sparkplug host behind it; it guards that the host says when it is there.

Data of Sparkplug have QoS 0, so a host that is away while its broker is there would miss them. This one is a primary
host, and the link waits for its STATE.
"""

import asyncio
import contextlib
import json
import time
from dataclasses import dataclass, field
from pathlib import Path

import aiomqtt

from isolane.health.links.sparkplug.payload import Payload
from isolane.security.tls import client_context
from support.broker import Broker, Pki
from support.mqtt_peer import joined
from support.target_rows import SIGNALS

HOST = "scada"


@dataclass
class SparkplugTarget:
    """Keeps its port when it is started again."""

    folder: Path
    pki: Pki
    numbers: list[int] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    hangs: bool = False
    _broker: Broker | None = None
    _server: asyncio.Server | None = None
    _task: asyncio.Task[None] | None = None
    _state_alias: int = 0
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def start(self) -> None:
        """Start the broker and then the host; `hangs` starts something that accepts and says nothing."""
        if self.hangs:
            self._server = await asyncio.start_server(self._mute, "127.0.0.1", self.port)
            return
        broker = Broker(self.folder, self.pki, port=self.port)
        await asyncio.to_thread(broker.start)
        self._broker, self.port = broker, broker.port
        self._task = asyncio.create_task(self._listen())

    async def stop(self) -> None:
        """Stop both, at once."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._open:
            writer.transport.abort()
        while self._open:
            await asyncio.sleep(0.005)
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            self._task = None
        if self._broker is not None:
            self._broker.stop()
            self._broker = None

    async def _mute(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append(time.monotonic())
        self._open.add(writer)
        with contextlib.suppress(OSError):
            await reader.read()
        writer.transport.abort()
        self._open.discard(writer)

    async def _listen(self) -> None:
        with contextlib.suppress(aiomqtt.MqttError):
            await self._read()

    async def _read(self) -> None:
        tls = client_context(self.pki.ca, self.pki.center.certificate, self.pki.center.key)
        async with joined(self.port, tls, host="localhost") as client:
            await client.subscribe("spBv1.0/+/+/+/+", qos=1)
            await client.subscribe("spBv1.0/+/NBIRTH/+", qos=1)
            state = json.dumps({"online": True, "timestamp": time.time_ns() // 1_000_000})
            await client.publish(f"spBv1.0/STATE/{HOST}", state, qos=1, retain=True)
            async for message in client.messages:
                self._take(str(message.topic).split("/")[2], bytes(message.payload))

    def _take(self, kind: str, payload: bytes) -> None:
        metrics = Payload.FromString(payload).metrics
        if kind == "NBIRTH":
            self.connections += 1
        for metric in metrics:
            if kind == "DBIRTH" and metric.name == SIGNALS[3].key:
                self._state_alias = metric.alias
            elif kind == "DDATA" and metric.alias == self._state_alias:
                self.numbers.append(metric.long_value)
