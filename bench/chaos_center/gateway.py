"""This file is a gateway that keeps books; it guards that it forgets a block for nothing but its acknowledgement.

It speaks MQTT or HTTPS with a certificate of its own, as gateways do: a schema and anchors before the blocks that need
them, everything unacknowledged again after a while and in each session, and statements of its books all along.
"""

import asyncio
import random
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass, field

import aiomqtt
import httpx
import numpy as np
from bench.chaos_center.samples import SITE, schema_of, values_of

from isolane.wire.anchor import Anchor
from isolane.wire.block import Block, BlockKey, encode, gateway_tag
from isolane.wire.mqtt_session import ClosedOnFailure, MqttSession, held
from isolane.wire.uplink import (
    VERSION,
    Downlink,
    Gap,
    LedgerEntry,
    LedgerStatement,
    Up,
    decode_downlink,
    down_topic,
    ingest_path,
    up_topic,
)
from isolane.wire.uplink import encode as encode_message

ROWS = 5
STEP_MS = 1000
_WINDOW = 16
_AGAIN_S = 2.0
_STATEMENT_S = 1.0
_LOOK_S = 0.05
_ANCHOR_EVERY = 10
_GIVEN_UP = 0.03
"""So many blocks are given up before they are ever sent, and a gap record stands in for them."""
_TWICE = 0.02
"""So many acknowledged blocks are sent once more, as when an acknowledgement came late."""


@dataclass
class Books:
    """What a gateway has produced, in samples and numbers.

    Attributes:
        last: Number of the newest block.
        acknowledged: Samples.
        queued: Samples.
        dropped: Samples.
        gaps: Numbers that stand in gap records.
        holes: Numbers that are nowhere, though the books call them acknowledged.
    """

    last: int = 0
    acknowledged: int = 0
    queued: int = 0
    dropped: int = 0
    gaps: set[int] = field(default_factory=set)
    holes: set[int] = field(default_factory=set)

    @property
    def produced(self) -> int:
        """Samples, by the identity of the books."""
        return self.acknowledged + self.queued + self.dropped


@dataclass
class _Waiting:
    kind: Up
    data: bytes
    samples: int
    anchor: bytes = b""
    sent_s: float = 0.0
    made_s: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class Ways:
    """How the center is reached.

    Attributes:
        broker: Port, 0 for a gateway that posts.
        https: Port.
        tls: With the gateway's certificate.
    """

    broker: int
    https: int
    tls: ssl.SSLContext


class Gateway:
    """One gateway.

    Args:
        name: As in its certificate.
        ways: How it reaches the center.
        rng: Draws what it gives up and what it sends twice.
        past_ms: How far in the past its samples are.
        hole: Number of a block that it loses and does not own up to, 0 for none.
    """

    def __init__(self, name: str, ways: Ways, rng: random.Random, *, past_ms: int = 0, hole: int = 0) -> None:
        self.name = name
        self.books = Books()
        self.epoch = time.time_ns() // 1_000_000 - past_ms
        self.wait_s_max = 0.0
        """Longest from making a block to its acknowledgement."""
        self._hole = hole
        self.complaints: list[str] = []
        self.is_producing = True
        self.waiting: dict[tuple[Up, int], _Waiting] = {}
        self._ways = ways
        self._rng = rng
        self._schema = schema_of(name)
        self._tag = gateway_tag(SITE, name)
        self._anchor = Anchor(self._schema.id, values_of(name, 0, 1)[:, 0])
        self._anchors = {self._anchor.id.hex(): self._anchor}
        self._told: set[bytes] = set()
        self._again: list[tuple[Up, bytes]] = []
        self._stated_s = 0.0

    async def produce(self, period_s: float) -> None:
        """Make a block each period."""
        while self.is_producing:
            self._make()
            await asyncio.sleep(period_s)

    def _make(self) -> None:
        books, first = self.books, self.books.last * ROWS
        books.last += 1
        t0_ms = self.epoch + first * STEP_MS
        values = values_of(self.name, first, ROWS)
        if books.last != self._hole and self._rng.random() < _GIVEN_UP:
            gap = Gap(
                *(VERSION, self.epoch, 0, books.last, books.last, values.size),
                *("outbox-full", t0_ms, t0_ms + ROWS * STEP_MS),
            )
            books.dropped += values.size
            books.gaps.add(books.last)
            self.waiting[Up.GAP, books.last] = _Waiting(Up.GAP, encode_message(gap), 0)
            return
        if books.last == self._hole:
            books.acknowledged += values.size
            books.holes.add(books.last)
            return
        if books.last % _ANCHOR_EVERY == 0:
            self._anchor = Anchor(self._schema.id, values[:, 0])
            self._anchors[self._anchor.id.hex()] = self._anchor
        key = BlockKey(self.epoch, 0, books.last)
        block = Block(key, self._schema.id, t0_ms, STEP_MS, values, np.zeros(values.shape, np.uint8))
        data = encode(block, self._tag, self._anchor)
        books.queued += values.size
        self.waiting[Up.BLOCK, books.last] = _Waiting(Up.BLOCK, data, values.size, self._anchor.json)

    # Sending

    async def run(self) -> None:
        """Deliver for ever; cancel it to stop."""
        session = self._by_mqtt if self._ways.broker else self._by_https
        while True:
            self._told.clear()
            for one in self.waiting.values():
                one.sent_s = 0.0
            with suppress(aiomqtt.MqttError, httpx.TransportError, TimeoutError, OSError):
                # A task of its own: a session that breaks while it is cancelled ends with the error of the break.
                await asyncio.create_task(session())
            await asyncio.sleep(0.2)

    def _due(self) -> list[tuple[Up, bytes]]:
        """Give what is to be sent now, in the order in which it has to go."""
        now_s = time.monotonic()
        messages, self._again = self._again, []
        unsent = [one for one in self.waiting.values() if now_s - one.sent_s > _AGAIN_S or not one.sent_s]
        for one in unsent[:_WINDOW]:
            one.sent_s = now_s
            messages += [
                (Up.SCHEMA, json) for json in (self._schema.json, one.anchor) if json and json not in self._told
            ]
            self._told.update((self._schema.json, one.anchor))
            messages.append((one.kind, one.data))
        if now_s - self._stated_s > _STATEMENT_S:
            self._stated_s = now_s
            messages.append((Up.LEDGER, self._statement()))
        return messages

    def _statement(self) -> bytes:
        books = self.books
        dropped = {"outbox-full": books.dropped} if books.dropped else {}
        entry = LedgerEntry(self.epoch, 0, books.last, books.produced, books.acknowledged, books.queued, 0, dropped)
        return encode_message(LedgerStatement(VERSION, time.time_ns() // 1_000_000, (entry,)))

    def _hear(self, answer: Downlink) -> None:
        self.complaints += [f"{self.name}: {key} is poison: {why}" for key, why in answer.poison.items()]
        for ack in answer.acks:
            for number in ack.blocks:
                self._settle(Up.BLOCK, number)
            for number in ack.gaps:
                self._settle(Up.GAP, number)
        for identity in answer.want:
            anchor = self._anchors.get(identity)
            self._again.append((Up.SCHEMA, self._schema.json if anchor is None else anchor.json))
            if anchor is not None:
                for one in self.waiting.values():
                    if one.anchor == anchor.json:
                        one.sent_s = 0.0

    def _settle(self, kind: Up, number: int) -> None:
        one = self.waiting.pop((kind, number), None)
        if one is not None:
            self.wait_s_max = max(self.wait_s_max, time.monotonic() - one.made_s)
            self.books.queued -= one.samples
            self.books.acknowledged += one.samples
            if kind is Up.BLOCK and self._rng.random() < _TWICE:
                self._again.append((Up.BLOCK, one.data))

    async def _by_mqtt(self) -> None:
        self._ways.tls.sslsocket_class = ClosedOnFailure
        session = MqttSession(
            "127.0.0.1",
            self._ways.broker,
            identifier=self.name,
            protocol=aiomqtt.ProtocolVersion.V5,
            tls_context=self._ways.tls,
            keepalive=5,
            timeout=5,
        )
        async with held(session) as client:
            await client.subscribe(down_topic(SITE, self.name), qos=1)
            hearing = asyncio.create_task(self._listen(client))
            try:
                while not hearing.done():
                    for kind, data in self._due():
                        await client.publish(up_topic(SITE, self.name, kind), data, qos=1)
                    await asyncio.wait({hearing}, timeout=_LOOK_S)
            finally:
                hearing.cancel()
                await asyncio.gather(hearing, return_exceptions=True)

    async def _listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            if isinstance(message.payload, bytes):
                self._hear(decode_downlink(message.payload))

    async def _by_https(self) -> None:
        limits = httpx.Limits(max_connections=1)
        async with httpx.AsyncClient(
            base_url=f"https://127.0.0.1:{self._ways.https}", verify=self._ways.tls, timeout=20, limits=limits
        ) as client:
            while True:
                for kind, data in self._due():
                    answer = await client.post(ingest_path(SITE, self.name, kind), content=data)
                    if answer.status_code == httpx.codes.OK:
                        self._hear(decode_downlink(answer.content))
                    elif answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                        self.complaints.append(f"{self.name}: a {kind} was answered with {answer.status_code}")
                await asyncio.sleep(_LOOK_S)
