"""This file checks that a charger can be asked whether it is there without the CSMS or a frame noticing."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from support.raw_peer import CLOSE, PING, PONG, TEXT, Peer, ask, close_code, end, frame, masked, request
from support.relay import Relay

Joined = Callable[..., AbstractAsyncContextManager[tuple[Relay, Peer, Peer]]]
MASK = b"\x11\x22\x33\x44"
OWN_PING = 2 + 8


def text(content: bytes) -> bytes:
    return frame(TEXT, content, mask=MASK)


async def read(peer: Peer, size: int) -> bytes:
    async with asyncio.timeout(30):
        return await peer.reader.readexactly(size)


async def own_ping(charger: Peer) -> bytes:
    """Read a Ping of the relay's and give its payload."""
    wire = await read(charger, OWN_PING)
    assert wire[:2] == bytes((0x80 | PING, 8))
    return wire[2:]


async def test_the_pong_is_swallowed_and_everything_else_passes(joined: Joined) -> None:
    async with joined() as (relay, charger, csms):
        newcomer = asyncio.create_task(ask(relay.ports[0], request("/ocpp/CP1")))
        payload = await own_ping(charger)
        pong = frame(PONG, payload, mask=b"\x01\x02\x03\x04")
        before, after = text(b"before") + frame(PONG, b"unasked!", mask=MASK), text(b"after")
        for byte in before + pong + after:
            charger.writer.write(bytes([byte]))
            await asyncio.sleep(0)
        assert await read(csms, len(before + after)) == before + after
        refused = await newcomer
        assert refused.head.startswith(b"HTTP/1.1 409 ")
        assert b"\r\nRetry-After: " in refused.head
        charger.writer.write(pong + after)
        assert await read(csms, len(pong + after)) == pong + after, "a second one is not ours"
        await refused.close()


async def test_a_ping_waits_for_the_frame_in_flight(joined: Joined) -> None:
    down = frame(TEXT, b"x" * 5000)
    async with joined() as (relay, charger, csms):
        csms.writer.write(down[:3000])
        assert await read(charger, 3000) == down[:3000]
        newcomer = asyncio.create_task(ask(relay.ports[0], request("/ocpp/CP1")))
        await relay.until_metric("isolane_value_probes_total", 1)
        csms.writer.write(down[3000:] + down)
        assert await read(charger, len(down) - 3000) == down[3000:]
        await own_ping(charger)
        assert await read(charger, len(down)) == down
        charger.writer.write(text(b"any byte is a sign of life"))
        refused = await newcomer
        assert refused.head.startswith(b"HTTP/1.1 409 ")
        await refused.close()


async def test_many_newcomers_are_one_question(joined: Joined) -> None:
    async with joined() as (relay, charger, _):
        newcomers = [asyncio.create_task(ask(relay.ports[0], request("/ocpp/CP1"))) for _ in range(5)]
        payload = await own_ping(charger)
        charger.writer.write(frame(PONG, masked(masked(payload, MASK), MASK), mask=MASK))
        for newcomer in newcomers:
            refused = await newcomer
            assert refused.head.startswith(b"HTTP/1.1 409 ")
            await refused.close()
        again = await ask(relay.ports[0], request("/ocpp/CP1"))
        assert again.head.startswith(b"HTTP/1.1 409 "), "asked a moment ago"
        await again.close()
        assert await relay.metric("isolane_value_probes_total") == 1


@pytest.mark.parametrize("how", ["close-frame", "end", "reset"])
async def test_an_end_answers_the_question(joined: Joined, how: str) -> None:
    async with joined(limits="probe_s = 30") as (relay, charger, csms):
        newcomer = asyncio.create_task(ask(relay.ports[0], request("/ocpp/CP1")))
        await own_ping(charger)
        if how == "close-frame":
            goodbye = frame(CLOSE, b"\x03\xe8", mask=MASK)
            charger.writer.write(goodbye)
            assert await read(csms, len(goodbye)) == goodbye
            assert (await newcomer).head.startswith(b"HTTP/1.1 409 "), "it was there to say goodbye"
        elif how == "end":
            charger.writer.close()
            assert await csms.reader.read() == b""
            csms.writer.close()
            assert (await newcomer).head.startswith(b"HTTP/1.1 101 ")
        else:
            charger.reset()
            assert (await newcomer).head.startswith(b"HTTP/1.1 101 ")
        await end((await newcomer).writer)


async def test_a_drain_during_a_question_still_says_goodbye(joined: Joined) -> None:
    async with joined(value="drain_s = 0") as (relay, charger, _):
        newcomer = asyncio.create_task(ask(relay.ports[0], request("/ocpp/CP1")))
        await own_ping(charger)
        relay.end()
        assert (await newcomer).head.startswith(b"HTTP/1.1 503 ")
        assert close_code(await read(charger, 4)) == 1001
        await (await newcomer).close()
