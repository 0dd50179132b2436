"""This file sends snapshots as a gateway does; it guards that what a case shows came in by the way all things come."""

import asyncio
import hashlib
import time
from collections.abc import Sequence

from bench.attack.operations.gateway import posting
from bench.attack.operations.ground import CHARGER, GATEWAY, SITE, T0_MS, Actor, Center

from isolane.core.signals import Signal
from isolane.wire.block import BlockKey, gateway_tag
from isolane.wire.paper import PAPERS, Paper, encode_paper
from isolane.wire.snapshot import CARD, CHUNK, CHUNK_BYTES, WHOLE, Card, CardTrigger, Chunk, encode_card, encode_chunk
from isolane.wire.uplink import Up

_ANSWER_S = 60.0
_API = "/api/v1/snapshots"
Body = tuple[str, bytes]
"""Kind and body of a paper."""


async def post_papers(center: Center, tenant: str, bodies: Sequence[Body]) -> None:
    """Post papers as a tenant's gateway, in a run of its own.

    Raises:
        RuntimeError: One was not taken.
    """
    async with posting(center, tenant, (Signal(CHARGER[tenant], "1.0/EVSE/Power", "W", 1.0),), T0_MS) as poster:
        tag = gateway_tag(SITE[tenant], GATEWAY[tenant])
        for at, (kind, body) in enumerate(bodies):
            paper = Paper(BlockKey(poster.epoch, PAPERS, at + 1), T0_MS, kind, body)
            answer = await poster.post(Up.PAPER, encode_paper(paper, tag))
            if answer.status_code != 200:
                raise RuntimeError(f"a paper of {GATEWAY[tenant]} got {answer.status_code}: {answer.text[:200]}")


def bodies_of(identity: str, data: bytes, *, charger: str, trigger: str = "fault", firmware: str = "") -> list[Body]:
    """Give the card and the parts of a snapshot's file."""
    seen = CardTrigger(trigger, 3, T0_MS, trigger, trigger)
    digest = hashlib.sha256(data)
    card = Card(
        id=identity, charger=charger, state=WHOLE, level=3, begun_ms=T0_MS, from_ms=T0_MS, to_ms=T0_MS,
        triggers=(seen,), firmware=firmware, size=len(data), sha256=digest.hexdigest(),
    )  # fmt: skip
    parts = [data[at : at + CHUNK_BYTES] for at in range(0, len(data), CHUNK_BYTES)]
    chunks = [
        Chunk(snapshot=identity, number=at, parts=len(parts), size=len(data), sha256=digest.digest(), data=part)
        for at, part in enumerate(parts)
    ]
    return [(CARD, encode_card(card)), *((CHUNK, encode_chunk(chunk)) for chunk in chunks)]


async def until_here(center: Center, actor: Actor, identity: str) -> None:
    """Wait until somebody can download a snapshot.

    Raises:
        RuntimeError: It does not come.
    """
    end = time.monotonic() + _ANSWER_S
    while (reply := await center.ask(actor, "GET", f"{_API}/{identity}/file")).status != 200:
        if time.monotonic() > end:
            raise RuntimeError(f"the snapshot did not come: {reply.status} {center.process.text()[-300:]}")
        await asyncio.sleep(0.1)
