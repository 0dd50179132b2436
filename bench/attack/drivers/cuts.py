"""This file cuts connections at every byte and kills the relay at many points; it guards that chargers then resend."""

import asyncio
import contextlib
import json
from typing import Any

from bench.attack.charger import Charger
from bench.attack.drivers.ocpp_sim import BODIES
from bench.attack.fill import UnknownError
from bench.attack.frames import TEXT, frame
from bench.attack.link import digest
from bench.attack.steps import Turn

_SWITCHING = 101
_BLACKHOLES = 6
_SCRIPT = ("BootNotification", "StartTransaction", "MeterValues", "MeterValues", "StopTransaction")


async def cut_everywhere(turn: Turn, args: dict[str, Any]) -> None:
    """Cut a message at each byte, on each side, in each way; the charger comes back and resends it."""
    if args["cut_at_byte"] != "0..len" or args["message"] != "StopTransaction":
        raise UnknownError(f"sweep {args}")
    if set(args["kind"]) - {"rst", "fin", "blackhole"} or set(args["side"]) - {"south", "north"}:
        raise UnknownError(f"sweep {args}")
    turn.proof.measures["partial_message_forwarded"] = False
    turn.proof.measures["after_reconnect"] = True
    length = len(frame(TEXT, _message(0)))
    stride = 8 if turn.fewer(length, length // 8) < length else 1
    for kind in args["kind"]:
        points = range(0, length, stride if kind != "blackhole" else max(stride, length // _BLACKHOLES))
        for side in args["side"]:
            for at in points:
                await _cut(turn, str(kind), str(side), at)


def _message(number: int) -> bytes:
    return json.dumps([2, f"stop-{number:06}", "StopTransaction", BODIES["StopTransaction"]]).encode()


async def _cut(turn: Turn, kind: str, side: str, at: int) -> None:
    ground, measures = turn.ground, turn.proof.measures
    name = f"HERD-{(ground.used % 800) + 1}"
    ground.used += 1
    message = _message(ground.used)
    charger = await ground.connect(name)
    session = ground.csms.by_key(charger.key)
    if charger.link is None or session is None:
        raise RuntimeError(f"{name} got {charger.status}")
    charger.link.sent.append(digest(message))
    await charger.link.write(frame(TEXT, message)[:at])
    if kind == "blackhole":
        (charger.link if side == "south" else session.link).stall()
    elif side == "south":
        charger.link.leave(reset=kind == "rst")
    else:
        await asyncio.sleep(0.003)
        session.link.leave(reset=kind == "rst")
    if kind != "blackhole":
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(charger.link.ended.wait(), session.link.ended.wait()), 8)
    if session.link.messages:
        measures["partial_message_forwarded"] = True
    if kind == "blackhole" and side == "north":
        charger.link.leave(reset=True)  # a charger that gets no answer gives its connection up before it comes back
    charger.link.sent.remove(digest(message))
    again = await _come_back(turn, name)
    if again.link is None:
        measures["after_reconnect"] = f"{kind} {side} at byte {at}: could not come back ({again.status})"
        return
    await again.link.send(message)
    if not await _arrived_once(turn, again, message):
        measures["after_reconnect"] = f"{kind} {side} at byte {at}: the resend did not arrive once"
    if kind == "blackhole":
        charger.link.leave(reset=True)
        session.link.leave(reset=True)
    again.link.leave()
    await again.done()


async def _arrived_once(turn: Turn, charger: Charger, message: bytes) -> bool:
    session = turn.ground.csms.by_key(charger.key)
    for _ in range(200):
        if session is not None and session.link.messages:
            break
        await asyncio.sleep(0.01)
    return session is not None and session.link.messages == [message]


async def _come_back(turn: Turn, name: str) -> Charger:
    charger = Charger(name)
    for _ in range(10):
        if await turn.ground.reconnect(charger) == _SWITCHING:
            break
        await asyncio.sleep(0.5)
    return charger


async def kill_everywhere(turn: Turn, what: str, points: int) -> None:
    """Kill the relay at points of a transaction; the charger comes back and sends what was not answered."""
    if what != "relay":
        raise UnknownError(f"kill9 {what}")
    ground, measures = turn.ground, turn.proof.measures
    measures["restarted"] = True
    slowest = 0.0
    count = turn.fewer(points, 6)
    for point in range(count):
        charger = await _come_back(turn, "CP1")
        for number, action in enumerate(_SCRIPT):
            if number != point % len(_SCRIPT):
                await charger.call(action, BODIES[action])
                continue
            pending = asyncio.create_task(charger.call(action, BODIES[action]))
            await asyncio.sleep(0.0005 * (point // len(_SCRIPT)))
            await ground.relay.kill()
            slowest = max(slowest, await ground.relay.start())
            with contextlib.suppress(ConnectionError, TimeoutError):
                await pending
            charger = await _come_back(turn, "CP1")
            if not pending.done() or pending.exception() is not None:
                await charger.call(action, BODIES[action])
        await charger.close()
    measures["restart_s_max"] = slowest
    sent = [one for c in ground.living if c.link and c.identity == "CP1" for one in c.link.sent]
    got = [one for session in ground.csms.of("CP1") for one in session.link.received]
    measures["duplicates_caused_by_gateway"] = sum(1 for one in set(got) if got.count(one) > sent.count(one))
