"""This file takes the broker away, alters it and fills the outbox; it guards that no time is cut in secret."""

import asyncio
import time
from itertools import pairwise

from bench.attack.fill import UnknownError
from bench.attack.steps import Turn, step
from bench.attack.uplink.ground import GATEWAY, Uplink

from isolane.health.outbox.lanes import Lane

_BLOCK_S = 10.0
"""The shipped setting: a block holds ten rows of a second."""
_DOWN_S, _FLAP_S, _MUTE_S, _AWAY_S = 12.0, 30.0, 20.0, 12.0
_DRAIN_S = 120.0
_BACK_S = 30.0
_CENTER_UP = " mqtt-up "
_ALARMS = 10
_WINDOW = 16
RATE_BYTES_S = 50_000
_SLACK = 1.25
_EXPIRY_S = 110.0


def uplink_of(turn: Turn) -> Uplink:
    """Give Channel B.

    Raises:
        RuntimeError: The target has none.
    """
    if turn.ground.uplink is None:
        raise RuntimeError("the target has no Channel B")
    return turn.ground.uplink


@step("broker.stop")
async def stop(turn: Turn) -> None:
    """Stop the broker; the gateway makes as many blocks as it would in that time, an alarm now and then."""
    args, uplink = turn.args(), uplink_of(turn)
    turn.only(args, "s")
    asked_s = float(args.get("s", 0))
    await uplink.broker.kill()
    seconds, blocks = min(asked_s, _DOWN_S), max(1, int(asked_s / _BLOCK_S))
    if seconds < asked_s:
        turn.proof.notes.append(f"{asked_s:g} s became {seconds:g} s, in which the {blocks} blocks of them were made")
    turn.proof.measures["down_from"] = max(uplink.fed, default=0) + 1
    for _ in range(4):
        await uplink.enqueue(max(1, blocks // 4))
        await uplink.enqueue(_ALARMS // 4 + 1, 200, Lane.ALARM)
        await asyncio.sleep(seconds / 4)


@step("broker.start")
async def start(turn: Turn) -> None:
    """Start the broker and watch the outbox empty itself."""
    turn.only(turn.args(), "")
    uplink, measures = uplink_of(turn), turn.proof.measures
    waiting = {number for number in uplink.fed if number >= measures.get("down_from", 0)}
    await _center_first(uplink)
    began, flights = time.monotonic(), 0
    while time.monotonic() < began + _DRAIN_S:
        books = await uplink.books()
        flights = max(flights, books["in_flight"])
        if books["blocks_queued"] <= 1 and not books["gaps_queued"]:
            break
        await asyncio.sleep(0.1)
    else:
        measures["drain_rate_bounded"] = f"not empty after {_DRAIN_S:g} s"
    took = time.monotonic() - began
    stored = await asyncio.to_thread(uplink.stored)
    order = [number for number in stored.order if number in waiting]
    alarms, first = uplink.alarms & waiting, [number for number in order if number not in uplink.alarms][:1]
    late = [number for number in order[order.index(first[0]) :] if number in alarms] if first else []
    measures["gap_count"] = sum(len(spans) for key, spans in stored.gaps.items() if key[0] == GATEWAY)
    measures["alarms_first"] = not late or f"{len(late)} of {len(alarms)} alarms came after other blocks"
    fastest = _fastest(uplink, began)
    turn.proof.notes.append(f"{len(order)} blocks in {took:.1f} s, at most {fastest} B/s, {flights} in flight")
    if fastest > RATE_BYTES_S * _SLACK or flights > _WINDOW:
        measures["drain_rate_bounded"] = f"{fastest} B/s and {flights} in flight"
    measures.setdefault("drain_rate_bounded", True)


async def _center_first(uplink: Uplink) -> None:
    """Start the broker and let the gateway to it when the center is there; before that it would speak to nobody.

    Raises:
        RuntimeError: The center does not come back.
    """
    door, before = uplink.mqtt, uplink.center.text().count(_CENTER_UP)
    to = door.leads_to
    door.lead(0)
    await uplink.broker.start()
    end = time.monotonic() + _BACK_S
    while uplink.center.text().count(_CENTER_UP) == before:
        if time.monotonic() > end:
            raise RuntimeError(f"the center is not back at the broker: {uplink.center.text()[-300:]}")
        await asyncio.sleep(0.05)
    door.lead(to)


def _fastest(uplink: Uplink, since: float) -> int:
    """Give the most bytes that went up in any second."""
    sent, best, start, total = [each for each in uplink.mqtt.sent if each[0] >= since], 0, 0, 0
    for at, size in sent:
        total += size
        while sent[start][0] < at - 1:
            total -= sent[start][1]
            start += 1
        best = max(best, total)
    return best


@step("broker.flap")
async def flap(turn: Turn) -> None:
    """Kill and start the broker again and again."""
    args, uplink = turn.args(), uplink_of(turn)
    turn.only(args, "every_s", "s")
    every_s, asked_s = float(args["every_s"]), float(args["s"])
    seconds = min(asked_s, _FLAP_S)
    if seconds < asked_s:
        turn.proof.notes.append(
            f"{asked_s:g} s of flapping became {seconds:g} s: the pause is at its cap of 2 s by then"
        )
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        await uplink.broker.kill()
        await uplink.enqueue(5)
        await asyncio.sleep(every_s / 2)
        await uplink.broker.start()
        await asyncio.sleep(every_s / 2)


@step("broker.mute")
async def mute(turn: Turn) -> None:
    """Accept connections and say nothing, then refuse them; measure when the gateway comes again."""
    turn.only(turn.args(), "")
    uplink = uplink_of(turn)
    door = uplink.mqtt
    back = door.leads_to
    pauses: dict[str, list[float]] = {}
    for name, to, seconds in (("mute", -1, _MUTE_S), ("refused", 0, _AWAY_S)):
        door.lead(to)
        began = len(door.came)
        await uplink.enqueue(5)
        await asyncio.sleep(seconds)
        came = door.came[began:]
        pauses[name] = [b - a for a, b in pairwise(came)]
    door.lead(back)
    turn.proof.measures["pauses"] = pauses
    turn.proof.notes.append(", ".join(f"{name}: {[round(one, 1) for one in each]} s" for name, each in pauses.items()))


@step("broker.conf")
async def conf(turn: Turn) -> None:
    """Give the broker other settings."""
    args, uplink = turn.args(), uplink_of(turn)
    if not args or not all(str(key).isidentifier() for key in args):
        raise UnknownError(f"broker.conf {args}")
    uplink.broker.set(**args)
    await uplink.broker.kill()
    await uplink.broker.start()
    turn.proof.measures["packet_bytes_max"] = int(args.get("max_packet_size", 0))


@step("enqueue")
async def enqueue(turn: Turn) -> None:
    """Put blocks into the outbox; whatever fits must arrive at once, what does not must become a gap record."""
    args, uplink, measures = turn.args(), uplink_of(turn), turn.proof.measures
    turn.only(args, "n", "size")
    size, most = int(args["size"]), int(measures.get("packet_bytes_max", 0))
    first = max(uplink.fed, default=0) + 1
    await uplink.enqueue(int(args.get("n", 1)), size)
    if most and size > most:
        measures["poison_blocks"] = [*measures.get("poison_blocks", []), first]
        await asyncio.sleep(2)
        return
    poison = set(measures.get("poison_blocks", []))
    wanted = {number for number in uplink.fed if number not in poison}
    end = time.monotonic() + 30
    behind = wanted
    while behind and time.monotonic() < end:
        await asyncio.sleep(0.3)
        behind = wanted - set((await asyncio.to_thread(uplink.stored)).order)
    measures["head_of_line_blocked"] = bool(behind)
    if poison:
        measures["poison"] = await _until_told(uplink, poison)


async def _until_told(uplink: Uplink, poison: set[int]) -> str:
    """Wait until the poison's age ends it with a gap record; give what is wrong."""
    end = time.monotonic() + _EXPIRY_S
    while time.monotonic() < end:
        stored = await asyncio.to_thread(uplink.stored)
        if any(key[0] == GATEWAY for key in stored.gaps):
            return ""
        await asyncio.sleep(1)
    return f"{len(poison)} blocks larger than the broker takes became no gap record in {_EXPIRY_S:g} s"
