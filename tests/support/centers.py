"""This file is a center for tests, well-behaved or not; it guards that it judges with the wire formats alone.

`Brain` decides what is answered; `MqttCenter` and `HttpsCenter` carry it. All of them listen on loopback.
"""

import asyncio
import contextlib
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

import aiomqtt
import h11

from isolane.security.tls import client_context, server_context
from isolane.wire.anchor import Anchor, decode_anchor, is_anchor
from isolane.wire.block import AnchorWantedError, decode
from isolane.wire.schema import decode_schema
from isolane.wire.uplink import (
    UP_FILTER,
    VERSION,
    Ack,
    Downlink,
    Gap,
    LedgerStatement,
    Up,
    decode_gap,
    decode_ledger,
    down_topic,
    encode,
    read_up_topic,
)
from support.broker import Pki
from support.mqtt_peer import joined
from support.outboxes import GATEWAY, SITE, TAG

Key = tuple[int, int, int]


@dataclass
class Brain:
    """What a center remembers, and what it answers."""

    mute: bool = False
    """Answers nothing."""
    twice: bool = False
    """Says everything twice."""
    unknown: bool = False
    """Acknowledges, beside what came, what was never sent."""
    garbage: bool = False
    """Sends bytes that are no downlink before each answer."""
    poison: bool = False
    """Cannot read any block."""
    forgets: int = 0
    """So many times it acts as if it had lost the schema."""
    refuse: Callable[[Up, bytes], bool] = lambda _kind, _data: False
    """Which messages are refused as they are (HTTPS)."""
    order: list[Up] = field(default_factory=list)
    blocks: Counter[Key] = field(default_factory=Counter)
    gaps: dict[Key, Gap] = field(default_factory=dict)
    schemas: Counter[bytes] = field(default_factory=Counter)
    anchors: dict[bytes, Anchor] = field(default_factory=dict)
    ledgers: list[LedgerStatement] = field(default_factory=list)
    samples: dict[Key, int] = field(default_factory=dict)

    def read(self, kind: Up, data: bytes) -> list[bytes]:
        """Take a message; give the answers."""
        self.order.append(kind)
        answer = Downlink(VERSION)
        if kind is Up.SCHEMA:
            if is_anchor(data):
                identity, anchor = decode_anchor(data)
                self.anchors[identity] = anchor
            else:
                self.schemas[decode_schema(data).id] += 1
        elif kind is Up.LEDGER:
            self.ledgers.append(decode_ledger(data))
        elif kind is Up.GAP:
            gap = decode_gap(data)
            self.gaps[gap.epoch, gap.stream, gap.first] = gap
            answer = Downlink(VERSION, (Ack(gap.epoch, gap.stream, (), (gap.first,)),))
        else:
            answer = self._block(data)
        if self.mute:
            return []
        told = encode(answer)
        noise = [b"<html>", b"", b'{"version":1,"acks":[{"epoch":1}]}'] if self.garbage else []
        return [*noise, told, *([told] if self.twice else [])]

    def _block(self, data: bytes) -> Downlink:
        try:
            block = decode(data, TAG, self.anchors)
        except AnchorWantedError as error:
            return Downlink(VERSION, want=(error.identity.hex(),))
        key = block.key.epoch, block.key.stream, block.key.sequence
        self.blocks[key] += 1
        if self.forgets:
            self.forgets -= 1
            return Downlink(VERSION, want=(block.schema.hex(), "no id", "00" * 8))
        if self.poison:
            return Downlink(VERSION, poison={"/".join(map(str, key)): "unreadable", "1/2": "odd"})
        self.samples[key] = block.samples
        acks = [Ack(key[0], key[1], (key[2],))]
        if self.unknown:
            acks.append(Ack(key[0], key[1], (0, 10**6, 2**63 - 1), (7,)))
            acks.append(Ack(1, 99, tuple(range(50))))
        return Downlink(VERSION, tuple(acks))


class MqttCenter:
    """A center behind a broker."""

    def __init__(self, brain: Brain, pki: Pki, port: int) -> None:
        self._brain = brain
        self._port = port
        self._tls = client_context(pki.ca, pki.center.certificate, pki.center.key)
        self._listening = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Listen."""
        self._task = asyncio.create_task(self._run())
        await asyncio.wait_for(self._listening.wait(), 10)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError, aiomqtt.MqttError):
                await self._task

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(aiomqtt.MqttError):
                async with joined(self._port, self._tls, identifier="center") as client:
                    await client.subscribe(UP_FILTER, qos=1)
                    self._listening.set()
                    async for message in client.messages:
                        await self._answer(client, message)
            await asyncio.sleep(0.05)

    async def _answer(self, client: aiomqtt.Client, message: aiomqtt.Message) -> None:
        site, gateway, kind = read_up_topic(str(message.topic))
        assert (site, gateway) == (SITE, GATEWAY)
        assert isinstance(message.payload, bytes)
        for answer in self._brain.read(kind, message.payload):
            await client.publish(down_topic(site, gateway), answer, qos=1)


class HttpsCenter:
    """A center that is posted to. `page` makes it answer as a captive portal does; `hangs`, never."""

    def __init__(self, brain: Brain, pki: Pki) -> None:
        self._brain = brain
        self._tls = server_context(pki.server.certificate, pki.server.key, pki.ca)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.connections = 0
        self.port = 0
        self.page: tuple[int, bytes] | None = None
        self.hangs = False
        self.asked = 0

    async def __aenter__(self) -> Self:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
        self.cut()
        while self._open:
            await asyncio.sleep(0.005)

    def cut(self) -> None:
        """Cut every connection."""
        for writer in self._open:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        self.connections += 1
        try:
            await self._talk(reader, writer)
        except (OSError, ssl.SSLError, h11.RemoteProtocolError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(OSError, ssl.SSLError):
                await writer.wait_closed()
            self._open.discard(writer)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER)
        path, body = "", b""
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                data = await reader.read(65_536)
                connection.receive_data(data)
                if not data:
                    return
            elif isinstance(event, h11.Request):
                path, body = event.target.decode(), b""
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                self.asked += 1
                if self.hangs:
                    await reader.read()
                status, answer = self._respond(path, body)
                head = h11.Response(
                    status_code=status,
                    headers=[("content-length", str(len(answer))), ("location", "https://127.0.0.1/")],
                )
                writer.write((connection.send(head) or b"") + (connection.send(h11.Data(data=answer)) or b""))
                writer.write(connection.send(h11.EndOfMessage()) or b"")
                await writer.drain()
                connection.start_next_cycle()
            else:
                return

    def _respond(self, path: str, body: bytes) -> tuple[int, bytes]:
        head, kind = path.rsplit("/", 1)
        assert head == f"/ingest/v1/{SITE}/{GATEWAY}"
        if self.page is not None:
            return self.page
        if self._brain.refuse(Up(kind), body):
            return 413, b"too large"
        answers = self._brain.read(Up(kind), body)
        # One response carries one answer: noise is a response of its own, every second time for each kind.
        if self._brain.garbage and self._brain.order.count(Up(kind)) % 2:
            return 200, answers[0]
        return (200, answers[-1]) if answers else (200, encode(Downlink(VERSION)))
