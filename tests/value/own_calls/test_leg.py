"""This file checks what an own call does to the two streams, on a relay that runs as its own process."""

import asyncio
import json
import random
import ssl
import time
from pathlib import Path

import pytest
import trustme

from isolane.wire.own_call import VERSION, Answer, Failed, Failure, Refusal, Refused, Result
from support.own_calls import (
    ask_relay,
    asked,
    asking,
    boot,
    down,
    enabled,
    listening,
    passes,
    read,
    receive,
    up,
)
from support.raw_peer import CLOSE, PING, PONG, TEXT, Peer, accept, ask, close_code, end, frame, raw_csms, request
from support.relay import relaying

MASK = b"\x11\x22\x33\x44"
BUSINESS = up(2, "19", "Heartbeat", {})
RESET = down(2, "77", "Reset", {"type": "Soft"})
ANSWER = down(3, "19", {"currentTime": "2026-01-01T00:00:00Z"})
HELD = "isolane_value_own_calls_held_seconds_count"
BRIEF = "close_s = 0.3"
SLOW = "csms_delay_ms_max = 10000"


async def is_quiet(peer: Peer, wait_s: float = 0.3) -> bool:
    """Tell whether nothing comes for a moment."""
    try:
        async with asyncio.timeout(wait_s):
            await peer.reader.readexactly(1)
    except TimeoutError:
        return True
    return False


async def test_a_call_of_the_csms_waits_for_the_reply(tmp_path: Path) -> None:
    async with enabled(tmp_path, SLOW) as (relay, charger, csms):
        await boot(charger, csms)
        caller = asking(relay, asked())
        identity = (await receive(charger))[1]
        csms.writer.write(RESET + RESET)
        assert await is_quiet(charger)
        await passes(charger, csms, BUSINESS)
        charger.writer.write(up(3, identity, {}))
        assert await read(charger, 2 * len(RESET)) == RESET + RESET
        assert isinstance(await caller, Result)
        await relay.until_metric(HELD, 2)
        assert await ask_relay(relay, asked()) == Refused(VERSION, Refusal.CSMS_CALL_OUTSTANDING)


async def test_it_waits_no_longer_than_the_bound(tmp_path: Path) -> None:
    async with enabled(tmp_path, "csms_delay_ms_max = 400") as (relay, charger, csms):
        await boot(charger, csms)
        began = time.monotonic()
        caller = asking(relay, asked())
        identity = (await receive(charger))[1]
        csms.writer.write(RESET)
        assert await read(charger, len(RESET)) == RESET
        assert time.monotonic() - began >= 0.4
        await passes(csms, charger, RESET)
        assert not caller.done()
        charger.writer.write(up(3, "77", {"status": "Accepted"}) + up(3, identity, {}) + BUSINESS)
        assert isinstance(await caller, Result)
        assert await receive(csms) == [3, "77", {"status": "Accepted"}]
        assert await read(csms, len(BUSINESS)) == BUSINESS


async def test_with_a_bound_of_nothing_nothing_waits(tmp_path: Path) -> None:
    async with enabled(tmp_path, "csms_delay_ms_max = 0", limits=BRIEF) as (relay, charger, csms):
        await boot(charger, csms)
        caller = asking(relay, asked())
        await receive(charger)
        await passes(csms, charger, RESET)
        await end(charger.writer)
        assert await caller == Failed(VERSION, Failure.CONNECTION_LOST)


@pytest.mark.parametrize("urgent", [ANSWER, frame(PING, b"p"), frame(PONG, b""), frame(CLOSE, b"\x03\xe8")])
async def test_what_may_not_wait_does_not(tmp_path: Path, urgent: bytes) -> None:
    async with enabled(tmp_path, SLOW, limits=BRIEF) as (relay, charger, csms):
        await boot(charger, csms)
        caller = asking(relay, asked())
        await receive(charger)
        csms.writer.write(RESET)
        assert await is_quiet(charger)
        csms.writer.write(urgent)
        assert await read(charger, len(RESET + urgent)) == RESET + urgent
        await end(charger.writer)
        assert await caller == Failed(VERSION, Failure.CONNECTION_LOST)


@pytest.mark.parametrize("how", ["end", "reset", "drain"])
async def test_an_end_lets_it_go(tmp_path: Path, how: str) -> None:
    async with enabled(tmp_path, SLOW, value="drain_s = 0", limits=BRIEF) as (relay, charger, csms):
        await boot(charger, csms)
        caller = asking(relay, asked())
        await receive(charger)
        csms.writer.write(RESET)
        assert await is_quiet(charger)
        if how == "end":
            csms.writer.write_eof()
        elif how == "reset":
            csms.reset()
        else:
            relay.end()
        if how != "reset":
            assert await read(charger, len(RESET)) == RESET
        if how == "drain":
            assert close_code(await read(charger, 4)) == 1001
        await end(charger.writer)
        answered = await asyncio.gather(caller, return_exceptions=True)
        assert answered[0] == Failed(VERSION, Failure.CONNECTION_LOST) or isinstance(answered[0], OSError)


async def test_a_reply_in_fragments_is_cut_out_and_what_stands_between_passes(tmp_path: Path) -> None:
    async with enabled(tmp_path) as (relay, charger, csms):
        await boot(charger, csms)
        caller = asking(relay, asked())
        identity = (await receive(charger))[1]
        reply = json.dumps([3, identity, {"unknownKey": ["é" * 50]}]).encode()
        ping, pong = frame(PING, b"still here", mask=MASK), frame(PONG, b"", mask=MASK)
        parts = [
            frame(TEXT, reply[:3], mask=MASK, fin=False),
            ping,
            frame(0, reply[3:30], mask=MASK, fin=False),
            frame(0, b"", mask=MASK, fin=False),
            frame(0, reply[30:90], mask=MASK, fin=False),
            pong,
            frame(0, reply[90:], mask=MASK),
            BUSINESS,
        ]
        for byte in b"".join(parts):
            charger.writer.write(bytes([byte]))
            await asyncio.sleep(0)
        assert await read(csms, len(ping + pong + BUSINESS)) == ping + pong + BUSINESS
        answer = await caller
        assert isinstance(answer, Result)
        assert json.loads(bytes(answer.payload)) == {"unknownKey": ["é" * 50]}


async def test_a_question_waits_for_the_message_in_flight(tmp_path: Path) -> None:
    async with enabled(tmp_path) as (relay, charger, csms):
        await boot(charger, csms)
        begun = frame(TEXT, b"[3,", fin=False)
        await passes(csms, charger, begun)
        assert await ask_relay(relay, asked()) == Refused(VERSION, Refusal.BUSY)
        await passes(csms, charger, frame(0, b'"1",{}]'))
        caller = asking(relay, asked())
        identity = (await receive(charger))[1]
        charger.writer.write(up(3, identity, {}))
        assert isinstance(await caller, Result)


async def test_a_flood_of_replies_ends_the_connection(tmp_path: Path) -> None:
    limits = "messages_per_s = 1\nmessages_burst = 20"
    async with enabled(tmp_path, limits=limits) as (relay, charger, csms):
        await boot(charger, csms)
        caller = asking(relay, asked())
        identity = (await receive(charger))[1]
        charger.writer.write(up(3, identity, {}) * 60)
        assert isinstance(await caller, Result)
        async with asyncio.timeout(10):
            assert close_code(await csms.reader.read()) == 1008
            assert close_code(await charger.reader.read()) == 1008
        assert await relay.metric('isolane_value_limit_closes_total{limit="own-call-replies"}') == 1


async def test_a_charger_is_asked_again_when_its_csms_is_back(tmp_path: Path) -> None:
    agreed = "Sec-WebSocket-Protocol: ocpp1.6"
    answers = [lambda head: accept(head, agreed)]
    away = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
    async with raw_csms(lambda head: answers[0](head) if answers else away) as upstream:
        url = f'url = "ws://127.0.0.1:{upstream.port}/in"'
        async with relaying(tmp_path, url, value='outage = "hold"', listen=listening()) as relay:
            charger = await ask(relay.ports[0], request("/ocpp/CP1", agreed))
            csms = await upstream.accepted()
            await boot(charger, csms)
            answer = answers.pop()
            await end(csms.writer)
            await relay.until_log("hold-begins")
            assert await ask_relay(relay, asked()) == Refused(VERSION, Refusal.NOT_CONNECTED)
            charger.writer.write(BUSINESS)
            answers.append(answer)
            again = await upstream.accepted()
            assert await read(again, len(BUSINESS)) == BUSINESS
            caller = asking(relay, asked())
            identity = (await receive(charger))[1]
            charger.writer.write(up(3, identity, {}))
            assert isinstance(await caller, Result)
            await passes(charger, again, BUSINESS)
            await end(again.writer)
            await end(charger.writer)


async def test_a_charger_with_tls_is_asked_in_the_same_way(tmp_path: Path) -> None:
    ca = trustme.CA()
    leaf = ca.issue_cert("127.0.0.1")
    leaf.cert_chain_pems[0].write_to_path(tmp_path / "leaf.pem")
    leaf.private_key_pem.write_to_path(tmp_path / "leaf.key")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ca.configure_trust(context)
    agreed = "Sec-WebSocket-Protocol: ocpp1.6"
    listen = listening().replace("[value.own", 'certificate = "leaf.pem"\nkey = "leaf.key"\n[value.own')
    async with (
        raw_csms(lambda head: accept(head, agreed)) as upstream,
        relaying(tmp_path, f'url = "ws://127.0.0.1:{upstream.port}"', listen=listen) as relay,
    ):
        charger = await ask(relay.ports[0], request("/ocpp/CP1", agreed), context)
        csms = await upstream.accepted()
        await boot(charger, csms)
        caller = asking(relay, asked())
        identity = (await receive(charger))[1]
        await passes(csms, charger, ANSWER)
        charger.writer.write(up(3, identity, {}) + BUSINESS)
        assert await read(csms, len(BUSINESS)) == BUSINESS
        assert isinstance(await caller, Result)
        await end(csms.writer)
        await end(charger.writer)


async def test_both_streams_are_what_was_sent_but_for_own_calls(tmp_path: Path) -> None:
    rng = random.Random(5)
    unpaced = "messages_per_s = 1e9\nmessages_burst = 1_000_000_000\ncontrol_frames_per_s = 1_000_000"
    pace = "calls_per_min = 600\ncalls_burst = 100"
    async with enabled(tmp_path, pace, limits=unpaced) as (relay, charger, csms):
        await boot(charger, csms)
        sent_up, sent_down = bytearray(), bytearray()
        replies: list[bytes] = []
        got_up, got_down = asyncio.create_task(csms.reader.read()), asyncio.create_task(_read_down(charger, replies))
        callers = []
        for number in range(400):
            wire = up(rng.choice((2, 3, 4)), str(number), "MeterValues", {"x": "y" * rng.choice((0, 9, 200, 70_000))})
            replies_now, replies[:] = b"".join(replies), []
            sent_up += wire
            _in_pieces(charger, replies_now + wire, rng)
            answer = down(3, str(number), {"x": "y" * rng.choice((0, 9, 200))})
            sent_down += answer
            _in_pieces(csms, answer, rng)
            if number % 40 == 20:
                callers.append(asking(relay, asked()))
            await asyncio.gather(charger.writer.drain(), csms.writer.drain(), asyncio.sleep(0))
        await _answered(callers, charger, replies)
        last = asking(relay, asked())
        await _answered([last], charger, replies)
        assert isinstance(await last, Result)
        charger.writer.write(b"".join(replies))
        charger.writer.write_eof()
        csms.writer.write_eof()
        async with asyncio.timeout(20):
            assert await got_up == bytes(sent_up)
            assert await got_down == bytes(sent_down)


async def _answered(callers: list[asyncio.Task[Answer]], charger: Peer, replies: list[bytes]) -> None:
    """Let the charger reply until every caller has an answer."""
    async with asyncio.timeout(20):
        while not all(caller.done() for caller in callers):
            charger.writer.write(b"".join(replies))
            replies.clear()
            await asyncio.sleep(0.01)
    await asyncio.gather(*callers)


def _in_pieces(peer: Peer, wire: bytes, rng: random.Random) -> None:
    at = 0
    while at < len(wire):
        size = rng.choice((1, 7, 300, 20_000))
        peer.writer.write(wire[at : at + size])
        at += size


async def _read_down(charger: Peer, replies: list[bytes]) -> bytes:
    """Read what comes to a charger; keep own calls out of it and replies to them ready."""
    stream = bytearray()
    while True:
        try:
            head = await charger.reader.readexactly(2)
        except asyncio.IncompleteReadError as error:
            return bytes(stream + error.partial)
        size = head[1]
        if size >= 126:
            more = await charger.reader.readexactly(2 if size == 126 else 8)
            head, size = head + more, int.from_bytes(more, "big")
        body = await charger.reader.readexactly(size)
        message = json.loads(body)
        if message[0] == 2:
            replies.append(up(3, message[1], {}))
        else:
            stream += head + body
