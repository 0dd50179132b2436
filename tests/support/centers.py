"""This file is a center for tests, well-behaved or not; it guards that it judges with the wire formats alone.

`Brain` decides what is answered; `MqttCenter` and `HttpsCenter` carry it. All of them listen on loopback.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self

import aiomqtt

from isolane.security.tls import client_context
from isolane.wire.anchor import Anchor, decode_anchor, is_anchor
from isolane.wire.block import AnchorWantedError, decode
from isolane.wire.bundle import KIND, unpack
from isolane.wire.schema import decode_schema
from isolane.wire.uplink import (
    UP_FILTER,
    VERSION,
    Ack,
    Downlink,
    Gap,
    LedgerStatement,
    Up,
    decode_downlink,
    decode_gap,
    decode_ledger,
    down_topic,
    encode,
    read_up_topic,
)
from support.broker import Pki
from support.http_target import HttpTarget, Posted, Reply
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
    loses: int = 0
    """So many answers to blocks are lost: the block is taken, and nothing said."""
    forgets: int = 0
    """So many times it acts as if it had lost the schema."""
    refuse: Callable[[Up, bytes], bool] = lambda _kind, _data: False
    """Which messages are refused as they are (HTTPS)."""
    order: list[Up] = field(default_factory=list)
    blocks: Counter[Key] = field(default_factory=Counter)
    gaps: dict[Key, Gap] = field(default_factory=dict)
    schemas: Counter[bytes] = field(default_factory=Counter)
    signals: set[str] = field(default_factory=set)
    """Keys that schemas have named."""
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
                schema = decode_schema(data)
                self.schemas[schema.id] += 1
                self.signals.update(column.key for column in schema.columns)
        elif kind is Up.LEDGER:
            self.ledgers.append(decode_ledger(data))
        elif kind is Up.GAP:
            gap = decode_gap(data)
            self.gaps[gap.epoch, gap.stream, gap.first] = gap
            answer = Downlink(VERSION, (Ack(gap.epoch, gap.stream, (), (gap.first,)),))
        else:
            answer = self._block(data)
        if kind is Up.BLOCK and self.loses:
            self.loses -= 1
            return []
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


class HttpsCenter(HttpTarget):
    """A center that is posted to.

    Attributes:
        page: What it answers instead, as a captive portal does.
        bundle: How many messages it takes in one POST; 0 makes it a center of a release that knew no bundles.
        bundles: How many messages came in each bundle.
    """

    def __init__(self, brain: Brain, pki: Pki, bundle: int = 0) -> None:
        super().__init__(pki, self._respond)
        self.brain = brain
        self.page: tuple[int, bytes] | None = None
        self.bundle = bundle
        self.bundles: list[int] = []

    async def __aenter__(self) -> Self:
        """Listen."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop listening."""
        await self.stop()

    def _respond(self, request: Posted) -> Reply:
        head, kind = request.path.rsplit("/", 1)
        assert head == f"/ingest/v1/{SITE}/{GATEWAY}"
        if self.page is not None:
            return Reply(*self.page, (("location", "https://127.0.0.1/"),))
        if kind != KIND:
            return self._take(Up(kind), request.body)
        if not self.bundle:
            return Reply(404, b"post to another path")
        return self._take_all(unpack(request.body))

    def _take(self, kind: Up, body: bytes) -> Reply:
        if self.brain.refuse(kind, body):
            return Reply(413, b"too large")
        answers = self.brain.read(kind, body)
        # One response carries one answer: noise is a response of its own, every second time for each kind.
        if self.brain.garbage and self.brain.order.count(kind) % 2:
            return Reply(200, answers[0])
        return Reply(200, self._told(answers[-1:], {kind}))

    def _take_all(self, parts: list[tuple[Up, bytes]]) -> Reply:
        assert 2 <= len(parts) <= self.bundle
        self.bundles.append(len(parts))
        refused = [place for place, part in enumerate(parts) if self.brain.refuse(*part)]
        answers = [self.brain.read(*part)[-1:] for place, part in enumerate(parts) if place not in refused]
        if self.brain.garbage and len(self.bundles) % 2:
            return Reply(200, b"<html>")
        kinds = {kind for kind, _ in parts}
        return Reply(200, self._told([one for answer in answers for one in answer], kinds, refused))

    def _told(self, answers: Sequence[bytes], kinds: set[Up], refused: Sequence[int] = ()) -> bytes:
        """Give one answer for several messages."""
        read = [decode_downlink(one) for one in answers]
        return encode(
            Downlink(
                VERSION,
                tuple(ack for one in read for ack in one.acks),
                tuple(dict.fromkeys(want for one in read for want in one.want)),
                {key: why for one in read for key, why in one.poison.items()},
                self.bundle if Up.LEDGER in kinds else 0,
                tuple(refused),
            )
        )
