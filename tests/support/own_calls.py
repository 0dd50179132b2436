"""This file asks relays to make own calls, and reads frames as raw peers see them."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from isolane.wire.own_call import VERSION, Answer, Request
from isolane.wire.own_call_client import ask as ask_at
from support.raw_peer import TEXT, Peer, accept, ask, end, frame, masked, raw_csms, request
from support.relay import Relay, relaying

WAIT_S = 15.0


def listening(own_calls: str = "", *, charger: str = "CP1") -> str:
    """Give a listener's table and one that enables a charger."""
    return (
        '[[value.listen]]\naddress = "127.0.0.1:0"\npath = "/ocpp"\n'
        f'[value.own_calls]\nenabled_for = ["{charger}"]\naudit = "own-calls.jsonl"\n{own_calls}\n'
    )


def asked(
    action: str = "GetConfiguration",
    payload: object = None,
    *,
    charger: str = "CP1",
    deadline_ms: int = 10_000,
    reference: str = "",
) -> Request:
    """Make a request."""
    raw = msgspec.Raw(json.dumps({} if payload is None else payload).encode())
    return Request(
        version=VERSION, charger=charger, action=action, payload=raw, deadline_ms=deadline_ms, reference=reference
    )


async def ask_relay(relay: Relay, wanted: Request) -> Answer:
    """Ask as the health process would."""
    return await ask_at(relay.run_dir / "own-calls.sock", wanted)


def asking(relay: Relay, wanted: Request) -> asyncio.Task[Answer]:
    """Ask, and let the test go on meanwhile."""
    return asyncio.create_task(ask_relay(relay, wanted))


@asynccontextmanager
async def enabled(
    folder: Path,
    own_calls: str = "",
    *,
    protocol: str = "ocpp1.6",
    limits: str = "",
    value: str = "",
    offer: str = "permessage-deflate",
    may_log_errors: bool = False,
) -> AsyncIterator[tuple[Relay, Peer, Peer]]:
    """Open charger → relay → CSMS with own calls enabled for the charger, which has not booted."""
    agreed = f"Sec-WebSocket-Protocol: {protocol}"
    async with raw_csms(lambda head: accept(head, agreed)) as upstream:
        url = f'url = "ws://127.0.0.1:{upstream.port}/in"'
        async with relaying(
            folder, url, value=value, limits=limits, listen=listening(own_calls), may_log_errors=may_log_errors
        ) as relay:
            wanted = request("/ocpp/CP1", agreed, f"Sec-WebSocket-Extensions: {offer}")
            charger = await ask(relay.ports[0], wanted)
            assert charger.head.startswith(b"HTTP/1.1 101 ")
            csms = await upstream.accepted()
            yield relay, charger, csms
            await end(csms.writer)
            await end(charger.writer)


def up(*array: object) -> bytes:
    """Write a charger's message as one frame."""
    return frame(TEXT, json.dumps(array).encode(), mask=os.urandom(4))


def down(*array: object) -> bytes:
    """Write a CSMS's message as one frame."""
    return frame(TEXT, json.dumps(array).encode())


async def passes(sender: Peer, receiver: Peer, wire: bytes) -> None:
    """Send bytes and see that they arrive as they are, and nothing before them."""
    sender.writer.write(wire)
    assert await read(receiver, len(wire)) == wire


async def read(peer: Peer, size: int) -> bytes:
    """Read so many bytes."""
    async with asyncio.timeout(WAIT_S):
        return await peer.reader.readexactly(size)


async def receive(peer: Peer) -> list[object]:
    """Read one frame and give its JSON."""
    head = await read(peer, 2)
    size = head[1] & 0x7F
    if size >= 126:
        size = int.from_bytes(await read(peer, 2 if size == 126 else 8), "big")
    key = await read(peer, 4) if head[1] & 0x80 else b""
    body = await read(peer, size)
    message = json.loads(masked(body, key) if key else body)
    assert isinstance(message, list)
    return message


async def boot(charger: Peer, csms: Peer, status: str = "Accepted") -> None:
    """Let the charger boot."""
    await passes(charger, csms, up(2, "boot", "BootNotification", {"chargePointModel": "m", "chargePointVendor": "v"}))
    await passes(csms, charger, down(3, "boot", {"status": status, "currentTime": "2026-01-01T00:00:00Z"}))


def audited(folder: Path) -> list[tuple[str, str]]:
    """Give action and outcome of each line of the audit."""
    lines = [json.loads(line) for line in (folder / "own-calls.jsonl").read_text().splitlines()]
    return [(line["action"], line["outcome"]) for line in lines]
