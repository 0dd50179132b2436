"""This file sends far too much as one gateway while others send as gateways do; it guards that a lag is the center's.

The center gathers its answers: whoever sends every half second is answered every four. So each honest gateway sends a
block only when its last answer is so long ago that the next one goes at once, and there are as many gateways as give a
block every half second all the same. An answer is timed where it is read, in the client's own thread.
"""

import asyncio
import contextlib
import time
from dataclasses import dataclass, field

from bench.attack.uplink.client import Client
from bench.attack.uplink.ground import OTHER, SITE, Uplink
from bench.attack.uplink.rival import Rival

from isolane.wire.uplink import Up, decode_downlink, up_topic

_ANSWER_S = 4.0
"""The shipped setting: so long the center may gather acknowledgements for one gateway."""
_HONEST = 9
_EVERY_S = 0.5
_NEVER_S = 10.0
"""The lag of a block that was not acknowledged in that time."""
_SLICE_S = 0.005
_AT_ONCE = 20


@dataclass
class Flood:
    """What was seen.

    Attributes:
        sent: Messages of the flood.
        lags: From sending a block to its acknowledgement, s, for each block of the honest gateways.
    """

    sent: int = 0
    lags: list[float] = field(default_factory=list)


async def flood(uplink: Uplink, rate_hz: float, size: int, seconds: float) -> Flood:
    """Flood as one gateway for a while, and time the others.

    Args:
        uplink: A running Channel B.
        rate_hz: Messages of the flood a second.
        size: Bytes of each; 0 for a usual small block.
        seconds: How long.
    """
    seen, thief = Flood(), await Rival.of(uplink, OTHER)
    async with contextlib.AsyncExitStack() as stack:
        honest = [await Rival.of(uplink, f"gw-{number}") for number in range(10, 10 + _HONEST)]
        talks = [await stack.enter_async_context(each.session()) for each in honest]
        way = await stack.enter_async_context(thief.session())
        end = time.monotonic() + seconds
        asking = [
            asyncio.create_task(_ask(talk, each, seen.lags, end, first_s=_EVERY_S * at))
            for at, (talk, each) in enumerate(zip(talks, honest, strict=True))
        ]
        began = time.monotonic()
        while (now := time.monotonic()) < end and not way.ended.is_set():
            due = int((now - began) * rate_hz) - seen.sent
            for _ in range(min(due, _AT_ONCE)):  # what is late must not keep the honest ones from sending
                seen.sent += 1
                way.publish(up_topic(SITE, OTHER, Up.BLOCK), thief.block(seen.sent, size))
            await asyncio.sleep(_SLICE_S if due <= _AT_ONCE else 0)
        await asyncio.gather(*asking)
    thief.forget()
    return seen


async def _ask(talk: Client, honest: Rival, lags: list[float], end: float, *, first_s: float) -> None:
    """Send a block again and again, and time its acknowledgement."""
    await asyncio.sleep(first_s)
    number = 0
    while time.monotonic() < end:
        number += 1
        block, began = honest.block(number), time.monotonic()
        talk.publish(up_topic(SITE, honest.name, Up.BLOCK), block)
        await talk.until(lambda: _heard_at(talk, number) is not None, _NEVER_S)  # noqa: B023 - awaited in this turn
        at = _heard_at(talk, number)
        lags.append(at - began if at is not None else _NEVER_S)
        await asyncio.sleep(_ANSWER_S + _EVERY_S)


def _heard_at(talk: Client, number: int) -> float | None:
    """Give when a block was acknowledged, monotonic s."""
    for at, (_, payload, _) in zip(talk.heard_at, talk.heard, strict=False):
        if any(number in ack.blocks for ack in decode_downlink(payload).acks):
            return at
    return None
