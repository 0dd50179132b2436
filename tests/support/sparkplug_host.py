"""This file is a Sparkplug host at a broker; it guards that it keeps every message in the order of its arrival."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Self

import aiomqtt
from paho.mqtt.subscribeoptions import SubscribeOptions

from isolane.health.links.sparkplug.payload import BOOLEAN, REBIRTH, Payload
from isolane.security.tls import client_context
from support.broker import Pki
from support.mqtt_peer import joined


@dataclass
class SparkplugHost:
    """Subscribes to everything; says its state and asks for rebirths when told to."""

    pki: Pki
    port: int
    messages: list[tuple[str, bytes]] = field(default_factory=list)
    retained: list[str] = field(default_factory=list)
    levels: list[int] = field(default_factory=list)
    _outgoing: asyncio.Queue[tuple[str, bytes, bool]] = field(default_factory=asyncio.Queue)
    listening: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Listen."""
        self._task = asyncio.create_task(self._run())
        async with asyncio.timeout(15):
            await self.listening.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def kinds(self) -> list[str]:
        """Give the message types so far."""
        return [topic.split("/")[2] for topic, _ in self.messages]

    def say_state(self, *, online: bool, timestamp: int) -> None:
        """Publish a STATE, retained."""
        payload = json.dumps({"online": online, "timestamp": timestamp}).encode()
        self._outgoing.put_nowait(("spBv1.0/STATE/scada", payload, True))

    def ask_rebirth(self) -> None:
        """Publish an NCMD."""
        payload = Payload(timestamp=1)
        payload.metrics.add(name=REBIRTH, datatype=BOOLEAN, boolean_value=True)
        self.command(payload.SerializeToString())

    def command(self, payload: bytes) -> None:
        """Publish any NCMD."""
        self._outgoing.put_nowait(("spBv1.0/north/NCMD/gw-1", payload, False))

    async def _run(self) -> None:
        tls = client_context(self.pki.ca, self.pki.center.certificate, self.pki.center.key)
        while True:
            try:
                async with joined(self.port, tls) as client:
                    # "As published": the flags of a message are those its publisher has set.
                    options = SubscribeOptions(qos=1, retainAsPublished=True)
                    for kind in ("NBIRTH/+", "NDATA/+", "NDEATH/+", "DBIRTH/+/+", "DDATA/+/+", "DDEATH/+/+"):
                        await client.subscribe(f"spBv1.0/+/{kind}", options=options)
                    self.listening.set()
                    async with asyncio.TaskGroup() as tasks:
                        tasks.create_task(self._listen(client))
                        tasks.create_task(self._talk(client))
            except* aiomqtt.MqttError:
                self.listening.clear()
            await asyncio.sleep(0.05)

    async def _listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            self.messages.append((str(message.topic), bytes(message.payload)))
            self.levels.append(message.qos)
            if message.retain:
                self.retained.append(str(message.topic))

    async def _talk(self, client: aiomqtt.Client) -> None:
        while True:
            topic, payload, retain = await self._outgoing.get()
            await client.publish(topic, payload, qos=1, retain=retain)
