"""This file attacks the splice with hand-built frames; it guards that each turn has a connection of its own."""

import asyncio
import contextlib
import json
import time
from typing import Any

from bench.attack.charger import Charger
from bench.attack.fill import UnknownError
from bench.attack.frames import CLOSE, CONTINUATION, PING, PONG, TEXT, deflated, frame, header
from bench.attack.link import digest
from bench.attack.proof import Shot
from bench.attack.steps import Turn, step

_SETTLE_S = 0.5
_END_S = 6.0
_MASK = b"\1\2\3\4"


async def begin(turn: Turn, *fields: str) -> Charger:
    """Connect a charger for this turn.

    Raises:
        RuntimeError: It was not let in.
    """
    charger = await turn.ground.connect(turn.ground.fresh_identity(), fields)
    if charger.status != 101:
        raise RuntimeError(f"the charger of turn {turn.label} got {charger.status}")
    return charger


async def shoot(
    turn: Turn,
    wire: bytes,
    *,
    message: bytes = b"",
    hostile: bool = False,
    fields: tuple[str, ...] = (),
    wait_s: float = _SETTLE_S,
) -> Shot:
    """Send bytes on a connection of its own and see how it ends, if it does."""
    charger = await begin(turn, *fields)
    if charger.link is None:
        raise RuntimeError("no link")
    if message:
        charger.link.sent.append(digest(message))
    shot = Shot(turn.label, dict(turn.loop), charger, message, hostile=hostile)
    turn.proof.shots.append(shot)
    began = time.monotonic()
    await charger.link.write(wire)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(charger.link.ended.wait(), wait_s)
        shot.closed_s = time.monotonic() - began
    return shot


def size_of(text: object, most: int) -> int:
    """Read max, max+1, max*10 or a number."""
    words = str(text).replace("max", str(most))
    for sign in "+*":
        if sign in words:
            left, right = (int(part) for part in words.split(sign))
            return left + right if sign == "+" else left * right
    return int(words)


def call_of(size: int) -> bytes:
    """Write a CALL of exactly so many bytes."""
    shell = b'[2,"big","DataTransfer",{"vendorId":"v","data":"%s"}]'
    return shell % (b"d" * (size - len(shell) + 2))


@step("ws.frame")
async def ws_frame(turn: Turn) -> None:
    """Send one frame."""
    args = turn.args()
    turn.only(args, "op", "mask", "payload", "hex", "size")
    masked = bool(args.get("mask", True))
    if "hex" in args:
        payload = bytes.fromhex(args["hex"])
    elif "size" in args:
        payload = call_of(size_of(args["size"], int(turn.ground.lim["max_message"])))
    else:
        payload = str(args["payload"]).encode()
    wait_s = _SETTLE_S + len(payload) / 2e6
    wire = frame(int(args["op"]), payload, masked=masked)
    await shoot(turn, wire, message=payload, hostile=not masked, wait_s=wait_s + 1)


@step("ws.fragments")
async def ws_fragments(turn: Turn) -> None:
    """Send one message in fragments."""
    parts = [bytes.fromhex(part) for part in turn.arg()]
    wire = b"".join(
        frame(CONTINUATION if index else TEXT, part, fin=index == len(parts) - 1) for index, part in enumerate(parts)
    )
    turn.loop["fragments"] = True
    await shoot(turn, wire, message=b"".join(parts))


@step("ws.deflate")
async def ws_deflate(turn: Turn) -> None:
    """Send one compressed message."""
    args = turn.args()
    turn.only(args, "inflated")
    message = call_of(size_of(args["inflated"], int(turn.ground.lim["max_message"])))
    offer = "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; server_no_context_takeover"
    await shoot(turn, frame(TEXT, deflated(message), rsv=4), message=message, fields=(offer,), wait_s=1.5)


@step("ws.pings")
async def ws_pings(turn: Turn) -> None:
    """Flood with pings, then with pongs nobody asked for, then with pings inside a fragmented message."""
    args = turn.args()
    turn.only(args, "rate_hz", "s", "size")
    seconds, payload = turn.shorter(float(args["s"]), 3), b"p" * int(args["size"])
    burst = int(float(args["rate_hz"]) / 100)
    rates = []
    for kind in (PING, PONG):
        charger = await begin(turn)
        rates.append(await _flood(turn, charger, [frame(kind, payload)] * burst, seconds))
    charger = await begin(turn)
    if charger.link is not None:
        await charger.link.write(frame(TEXT, b'[2,"f","Heart', fin=False))
        rates.append(await _flood(turn, charger, [frame(PING, payload)] * burst, seconds / 2))
    limit = float(turn.ground.lim["ctrl_hz"])
    turn.proof.measures["close_or_throttle_above_hz"] = max(rates)
    turn.proof.measures["pong_queue_bounded"] = all(rate <= 2 * limit + burst for rate in rates)


async def _flood(turn: Turn, charger: Charger, burst: list[bytes], seconds: float) -> float:
    """Give the rate at which control frames passed north, 1/s; 0 where the charger was closed."""
    link = charger.link
    session = turn.ground.csms.by_key(charger.key)
    if link is None or session is None:
        raise RuntimeError("no session to flood")
    began = time.monotonic()
    wire = b"".join(burst)
    while time.monotonic() < began + seconds and not link.ended.is_set():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await link.write(wire)
        await asyncio.sleep(0.01)
    passed = session.link.pings + session.link.pongs
    turn.proof.notes.append(f"control frames passed: {passed}, closed: {link.ended.is_set()}, code {link.closed_with}")
    return 0.0 if link.ended.is_set() else passed / (time.monotonic() - began)


@step("ws.close")
async def ws_close(turn: Turn) -> None:
    """Send a Close frame of some odd form."""
    kind = str(turn.arg())
    bodies = {"len1": b"\3", "bad_utf8": b"\3\xe8\xff\xfe", "data_after": b"\3\xe8", "no_reply": b"\3\xe8"}
    body = bodies.get(kind) or (int(kind).to_bytes(2, "big") if kind.isdigit() else None)
    if body is None:
        raise UnknownError(f"ws.close {kind}")
    wire = frame(CLOSE, body)
    if kind == "data_after":
        wire += frame(TEXT, json.dumps([2, "after", "Heartbeat", {}]).encode())
    shot = await shoot(turn, wire, wait_s=_END_S)
    shot.names["kind"] = kind


@step("ws.trickle")
async def ws_trickle(turn: Turn) -> None:
    """Send one payload byte at a time."""
    args = turn.args()
    turn.only(args, "size", "every_s")
    charger = await begin(turn)
    link = charger.link
    if link is None:
        raise RuntimeError("no link")
    began = time.monotonic()
    limit_s = float(turn.ground.lim["assembly_s"]) + 10
    await link.write(header(TEXT, int(args["size"]), mask=_MASK))
    while not link.ended.is_set() and time.monotonic() - began < limit_s:
        await link.write(b"x")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(link.ended.wait(), float(args["every_s"]))
    turn.proof.measures["closed_within_s"] = time.monotonic() - began


def delivered(turn_or_ground: Any, shot: Shot) -> list[bytes]:  # noqa: ANN401 - Turn or Ground
    """Give the messages that reached the CSMS's application from a shot."""
    ground = getattr(turn_or_ground, "ground", turn_or_ground)
    session = ground.csms.by_key(shot.charger.key)
    return session.link.messages if session else []
