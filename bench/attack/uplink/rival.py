"""This file is a gateway written by hand; it guards that a judge knows its blocks by their numbers."""

import asyncio
import contextlib
import http.client
import json
import ssl
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager

import numpy as np
from bench.attack.uplink.client import Client, client, trusting
from bench.attack.uplink.ground import SITE, Uplink

from isolane.core.signals import Signal
from isolane.security.authority import Identity
from isolane.wire.block import Block, BlockKey, encode, gateway_tag
from isolane.wire.schema import Schema
from isolane.wire.uplink import Up, decode_downlink, down_topic, ingest_path, up_topic

_SCHEMA = Schema.of((Signal("CP-RIVAL", "1.0/Feed/Value[0]", "V", 1.0),))
_STEP_MS = 1000
_WARM_MESSAGES = 3000
_SESSIONS = 40
"""After so many the gateway's memory grows no more: 600 were measured, and the 40th to the last took 1 %."""
_ARRIVE_S = 60.0
_LET_IN_S = 30.0
"""On a busy machine; whoever is refused has been told at once."""


class Rival:
    """One gateway's certificate and epoch.

    Args:
        uplink: Where it sends to.
        name: In its certificate.
        identity: Certificate and key.
    """

    def __init__(self, uplink: Uplink, name: str, identity: Identity) -> None:
        self.name = name
        self.schema = _SCHEMA.json
        self._uplink = uplink
        self._tls: ssl.SSLContext = trusting(uplink.folder / "pki/ca.pem", identity)
        self.key = (name, time.time_ns() // 1_000_000, 7)
        self._sent = 0

    @classmethod
    async def of(cls, uplink: Uplink, name: str, identity: Identity | None = None) -> "Rival":
        """Make one, with a certificate of its own where none is given."""
        known = identity or uplink.identities.get(name)
        return cls(uplink, name, known if known is not None else await asyncio.to_thread(uplink.issue, name))

    def block(self, number: int, size: int = 0) -> bytes:
        """Make block `number` of at least `size` bytes; from then on it must be at the center."""
        self._sent = max(self._sent, number)
        return encode(self._block(number, size), gateway_tag(SITE, self.name))

    def _block(self, number: int, size: int = 0) -> Block:
        rows = max(2, size // 6)
        values = np.random.default_rng(number).integers(0, 1 << 40, (1, rows))
        values[0, 0] = number
        _, epoch, stream = self.key
        key = BlockKey(epoch, stream, number)
        return Block(key, _SCHEMA.id, epoch + number * 60_000, _STEP_MS, values, np.zeros(values.shape, np.uint8))

    def is_as_sent(self, blocks: Mapping[int, Block]) -> bool:
        """Tell whether blocks hold the values that were sent."""
        return all(np.array_equal(block.values, self._block(number).values) for number, block in blocks.items())

    def session(self) -> AbstractAsyncContextManager[Client]:
        """Open a session that listens to the center's answers."""
        return self._session()

    @contextlib.asynccontextmanager
    async def _session(self) -> AsyncIterator[Client]:
        async with client(self._uplink.broker.port, self._tls, self.name) as session:
            if not await session.until(lambda: session.connected, _LET_IN_S):
                raise RuntimeError(f"{self.name} is not let in")
            await session.subscribe(down_topic(SITE, self.name))
            yield session

    async def post(self, kind: Up, data: bytes) -> int:
        """Post one message; give the status."""

        def work() -> int:
            way = http.client.HTTPSConnection("127.0.0.1", self._uplink.ingest_port, timeout=10, context=self._tls)
            way.request("POST", ingest_path(SITE, self.name, kind), data)
            status = way.getresponse().status
            way.close()
            return status

        return await asyncio.to_thread(work)

    def acknowledged(self, session: Client) -> set[int]:
        """Give the numbers that the center has acknowledged."""
        answers = [decode_downlink(payload) for _, payload, _ in session.heard]
        return {number for answer in answers for ack in answer.acks for number in ack.blocks}

    def forget(self) -> None:
        """What was sent need not arrive: it was too much."""
        self._sent = 0

    def of_other_releases(self) -> Iterator[tuple[Up, bytes, bool | None]]:
        """Give messages of other releases, and whether they must be taken; None: either way, but no crash."""
        _, epoch, stream = self.key
        gap = {"version": 1, "epoch": epoch, "stream": stream, "first": 900, "last": 901, "samples": 2,
               "reason": "expired", "from_ms": 1, "to_ms": 2}  # fmt: skip
        entry = {"epoch": epoch, "stream": stream, "last_sequence": 0, "produced": 0, "acknowledged": 0, "queued": 0,
                 "thinned": 0, "dropped": {}}  # fmt: skip
        books = {"version": 1, "at_ms": epoch, "entries": [entry]}
        schema = json.loads(self.schema)
        deep = json.loads("[" * 50 + "]" * 50)
        yield Up.SCHEMA, self.schema, True
        yield Up.GAP, _json(gap | {"color": "red", "more": deep}), True
        yield Up.LEDGER, _json(books | {"entries": [entry | {"later": None}], "new": [1]}), True
        yield Up.SCHEMA, _json(schema | {"vendor": {"a": [1, None]}}), None
        for key in gap:
            yield Up.GAP, _json({name: value for name, value in gap.items() if name != key}), False
            yield Up.GAP, _json(gap | {key: {"wrong": "type"}}), False
        yield Up.GAP, _json(gap | {"version": 2}), False
        yield Up.LEDGER, _json(books | {"version": 99}), False
        yield Up.LEDGER, _json(books | {"entries": [entry | {"produced": "many"}]}), False
        yield Up.SCHEMA, _json(schema | {"version": 2}), False
        yield Up.SCHEMA, _json(schema | {"columns": [["CP", "1.0/A/B"]]}), False
        for kind in (Up.GAP, Up.LEDGER, Up.SCHEMA):
            yield kind, b'{"version":1,"x":' + b"[" * 60_000, False
            yield kind, b"\xff\xfe", False
        whole = self.block(1)
        for at in (3, 4, 5, 8, 16, len(whole) - 1):
            yield Up.BLOCK, whole[:at] + bytes([whole[at] ^ 0x7F]) + whole[at + 1 :], None
        for at in (0, 3, 20, 40, len(whole) - 2):
            yield Up.BLOCK, whole[:at], None


async def warm_up(uplink: Uplink) -> None:
    """Let gateway and center meet what a long life brings: lost connections, a large block, a flood."""
    await uplink.enqueue(1, 400_000)
    await uplink.gateway.ask(do="encode", n=3, size=400_000)
    await uplink.gateway.ask(do="reconnect", n=_SESSIONS)
    uplink.mqtt.cut()
    uplink.https.cut()
    neighbour = await Rival.of(uplink, "gw-09")
    async with neighbour.session() as flood:
        for number in range(1, _WARM_MESSAGES + 1):
            flood.publish(up_topic(SITE, neighbour.name, Up.BLOCK), neighbour.block(number, 200))
        await flood.until(lambda: flood.acknowledged >= _WARM_MESSAGES, 20)
    poster = await Rival.of(uplink, "gw-08")  # with a share of its own: the neighbour's is used up
    await poster.post(Up.BLOCK, poster.block(1, 200))
    await uplink.enqueue(20)
    end = time.monotonic() + _ARRIVE_S
    while behind := set(uplink.fed) - set((await asyncio.to_thread(uplink.stored)).order):
        if time.monotonic() > end:  # the large block needs eight seconds on the link as it is paced
            raise RuntimeError(f"{len(behind)} blocks of the warm-up do not arrive, the first {min(behind)}")
        await asyncio.sleep(0.5)


def _json(value: object) -> bytes:
    return json.dumps(value).encode()
