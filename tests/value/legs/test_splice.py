"""This file checks how legs end and how they wait: closes, half-closes, resets, limits, slow readers."""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import trustme

from support.raw_peer import BINARY, CLOSE, PING, TEXT, Peer, ask, close_code, end, frame, raw_csms, request
from support.relay import Relay, relaying

Joined = Callable[..., AbstractAsyncContextManager[tuple[Relay, Peer, Peer]]]
MASK = b"\x11\x22\x33\x44"
HELLO = frame(TEXT, b"hello", mask=MASK)
WORLD = frame(TEXT, b"world")


async def read(peer: Peer, size: int) -> bytes:
    async with asyncio.timeout(10):
        return await peer.reader.readexactly(size)


async def read_to_end(peer: Peer) -> bytes:
    async with asyncio.timeout(10):
        return await peer.reader.read()


def queued(count: int) -> bytes:
    return b"".join(frame(TEXT, b'[2,"%d","StopTransaction",{}]' % number, mask=MASK) for number in range(count))


async def test_a_queue_that_is_flushed_takes_longer_and_loses_nothing(joined: Joined) -> None:
    queue = queued(1000)
    async with joined(limits="messages_per_s = 400\nmessages_burst = 40") as (relay, charger, csms):
        begun = asyncio.get_running_loop().time()
        charger.writer.write(queue)
        assert await read(csms, len(queue)) == queue
        assert asyncio.get_running_loop().time() - begun > 2, "at its pace"
        assert await relay.metric("isolane_value_waits_total") > 10
        down = frame(TEXT, b"answer")
        csms.writer.write(down)
        assert await read(charger, len(down)) == down
        charger.writer.write(HELLO)
        assert await read(csms, len(HELLO)) == HELLO


@pytest.mark.parametrize("how", ["close-frame", "end-of-stream", "drain", "the other leg"])
async def test_what_waits_goes_before_the_end(joined: Joined, how: str) -> None:
    queue, last = queued(500), frame(8, b"\x03\xe8", mask=MASK)
    async with joined(limits="messages_per_s = 0.1\nmessages_burst = 8\nclose_s = 10") as (relay, charger, csms):
        charger.writer.write(queue + (last if how == "close-frame" else b""))
        if how == "end-of-stream":
            charger.writer.write_eof()
        await relay.until_metric("isolane_value_waits_total", 1)
        if how in {"close-frame", "end-of-stream"}:
            csms.writer.write(frame(8, b"\x03\xe8"))
        elif how == "drain":
            relay.end()
        else:
            csms.writer.write_eof()
        assert await read(csms, len(queue)) == queue


@pytest.mark.parametrize(
    ("limit", "wire"), [("control-frames", frame(PING, b"x" * 125, mask=MASK)), ("messages", HELLO)]
)
async def test_a_flood_ends_with_1008_on_both_legs(joined: Joined, limit: str, wire: bytes) -> None:
    limits = "control_frames_per_s = 20\nmessages_per_s = 1\nmessages_burst = 20\nover_pace_s = 0"
    async with joined(limits=limits) as (relay, charger, csms):
        charger.writer.write(wire * 1000)
        passed = await read_to_end(csms)
        assert 20 * len(wire) <= passed.rindex(b"\x88\x82") <= 26 * len(wire)
        assert passed.startswith(wire * 20)
        assert close_code(passed[passed.rindex(b"\x88\x82") :]) == 1008
        assert close_code(await read_to_end(charger)) == 1008
        assert await relay.metric(f'isolane_value_limit_closes_total{{limit="{limit}"}}') == 1
        await relay.until_log(f'type=limit listener=- peer=127.0.0.1 charger=CP1 detail="connection 1, {limit} by')
        charger.writer.close()
        csms.writer.close()
        await relay.until_metric("isolane_value_connections", 0)


@pytest.mark.parametrize("code", [1000, 1001, 1011, 3000, 4999])
async def test_close_frames_pass_verbatim_from_the_charger(joined: Joined, code: int) -> None:
    goodbye = frame(CLOSE, code.to_bytes(2, "big") + "tschüß".encode(), mask=MASK)
    reply = frame(CLOSE, code.to_bytes(2, "big"))
    async with joined() as (relay, charger, csms):
        charger.writer.write(HELLO + goodbye)
        assert await read(csms, len(HELLO + goodbye)) == HELLO + goodbye
        csms.writer.write(reply)
        csms.writer.close()
        assert await read_to_end(charger) == reply
        charger.writer.close()
        await relay.until_metric("isolane_value_connections", 0)
        label = str(code) if code < 2000 else "other"
        assert await relay.metric(f'isolane_value_closes_total{{code="{label}",leg="charger"}}') == 1


async def test_close_frames_pass_verbatim_from_the_csms(joined: Joined) -> None:
    goodbye, reply = frame(CLOSE, b"\x03\xf4bye"), frame(CLOSE, b"\x03\xf4", mask=MASK)
    async with joined() as (relay, charger, csms):
        for byte in WORLD + goodbye:
            csms.writer.write(bytes([byte]))
            await asyncio.sleep(0)
        assert await read(charger, len(WORLD + goodbye)) == WORLD + goodbye
        charger.writer.write(reply)
        assert await read(csms, len(reply)) == reply
        csms.writer.close()
        charger.writer.close()
        await relay.until_metric("isolane_value_connections", 0)
        assert await relay.metric('isolane_value_closes_total{code="1012",leg="csms"}') == 1


async def test_a_close_without_an_answer_ends_within_its_time(joined: Joined) -> None:
    async with joined(limits="close_s = 0.3") as (relay, charger, csms):
        charger.writer.write(frame(CLOSE, b"", mask=MASK))
        await relay.until_metric("isolane_value_connections", 0, 5)
        assert await read_to_end(csms) == frame(CLOSE, b"", mask=MASK)
        assert close_code(await read_to_end(charger)) == 1001


async def test_half_a_stream_may_go_on(joined: Joined) -> None:
    async with joined() as (relay, charger, csms):
        charger.writer.write(HELLO + HELLO[:1])
        charger.writer.write_eof()
        assert await read_to_end(csms) == HELLO + HELLO[:1]
        csms.writer.write(WORLD)
        assert await read(charger, len(WORLD)) == WORLD
        csms.writer.close()
        assert await read_to_end(charger) == b""
        await relay.until_metric('isolane_value_closes_total{code="eof",leg="charger"}', 1)
        await relay.until_metric("isolane_value_connections", 0)


@pytest.mark.parametrize("leg", ["charger", "csms"])
async def test_a_reset_ends_the_other_leg_with_a_reset(joined: Joined, leg: str) -> None:
    async with joined() as (relay, charger, csms):
        first, other = (charger, csms) if leg == "charger" else (csms, charger)
        first.writer.write(HELLO if leg == "charger" else WORLD)
        await read(other, len(HELLO if leg == "charger" else WORLD))
        await asyncio.sleep(0.2)  # until the bytes are acknowledged: what is on its way is not cut off
        first.reset()
        with pytest.raises(ConnectionResetError):
            await read_to_end(other)
        await relay.until_metric(f'isolane_value_closes_total{{code="reset",leg="{leg}"}}', 1)
        await relay.until_metric("isolane_value_connections", 0)


async def test_what_came_before_a_reset_still_arrives(joined: Joined) -> None:
    message = frame(BINARY, bytes(900_000), mask=MASK)
    async with joined(limits="close_s = 3") as (_, charger, csms):
        charger.writer.write(message)
        await charger.writer.drain()
        while charger.writer.transport.get_write_buffer_size():
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        charger.reset()
        assert await read(csms, len(message)) == message


@pytest.mark.parametrize("scheme", ["ws", "wss"])
async def test_a_reason_reaches_a_charger_that_is_still_sending(tmp_path: Path, scheme: str) -> None:
    """A CSMS says why it takes no more, closes without having read all, and so resets."""
    context = None
    if scheme == "wss":
        ca = trustme.CA()
        ca.cert_pem.write_to_path(tmp_path / "ca.pem")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        ca.issue_cert("127.0.0.1").configure_cert(context)
    reason = frame(CLOSE, (1009).to_bytes(2, "big") + b"too big")
    message = frame(BINARY, bytes(4_000_000), mask=MASK)
    async with raw_csms(context=context) as upstream:
        url = f'url = "{scheme}://127.0.0.1:{upstream.port}"\n' + ('ca = "ca.pem"' if context else "")
        async with relaying(tmp_path, url, limits="close_s = 5") as relay:
            for count in range(1, 6):
                charger = await ask(relay.ports[0], request("/ocpp/CP1"))
                csms = await upstream.accepted()
                csms.writer.transport.pause_reading()  # type: ignore[attr-defined]  # stream transports have it
                charger.writer.write(message)
                await relay.until_metric("isolane_value_connections", 1)
                csms.writer.write(reason)
                csms.writer.transport.abort()
                assert await read_to_end(charger) == reason, count
                await end(charger.writer)
                await relay.until_metric("isolane_value_connections", 0)
            assert await relay.metric('isolane_value_closes_total{code="1009",leg="csms"}') == 5


@pytest.mark.parametrize(
    ("limits", "wire", "code"),
    [
        ("message_bytes = 2000", frame(TEXT, bytes(2001), mask=MASK), 1009),
        ("message_bytes = 2000", frame(TEXT, bytes(20_000), mask=MASK), 1009),
        ("fragments = 1", frame(0, b"", mask=MASK, fin=False) + frame(0, b"", mask=MASK), 1008),
        ("", frame(TEXT, b"unmasked"), 1002),
    ],
)
async def test_an_offender_is_told_and_nothing_of_the_frame_passes(
    joined: Joined, limits: str, wire: bytes, code: int
) -> None:
    passes = HELLO + (wire[:6] if code == 1008 else b"")
    async with joined(limits=limits) as (relay, charger, csms):
        csms.writer.write(WORLD[:3])
        charger.writer.write(HELLO + wire)
        assert await read(csms, len(passes)) == passes
        assert close_code(await read_to_end(csms)) == code
        csms.writer.write(WORLD[3:] + WORLD)
        said = await read_to_end(charger)
        assert said[: len(WORLD)] == WORLD, "the frame in flight is whole"
        assert close_code(said[len(WORLD) :]) == code
        assert len(said) == len(WORLD) + 4
        charger.writer.close()
        csms.writer.close()
        await relay.until_metric("isolane_value_connections", 0)


async def test_a_message_of_the_limit_passes(joined: Joined) -> None:
    whole = frame(TEXT, bytes(2000), mask=MASK)
    async with joined(limits="message_bytes = 2000") as (_, charger, csms):
        charger.writer.write(whole * 2)
        assert await read(csms, len(whole) * 2) == whole * 2


@pytest.mark.parametrize("leg", ["charger", "csms"])
async def test_a_peer_that_does_not_read_costs_a_bounded_buffer(joined: Joined, leg: str) -> None:
    chunk = frame(BINARY, bytes(60_000), mask=MASK if leg == "csms" else b"")
    async with joined(limits="buffer_bytes = 1048576") as (relay, charger, csms):
        talker, deaf = (charger, csms) if leg == "csms" else (csms, charger)
        deaf.reader._transport.pause_reading()  # type: ignore[attr-defined]  # a peer that does not read
        before_kb, sent = relay.resident_kb(), 0
        talker.writer.transport.set_write_buffer_limits(high=1)
        while sent < 128 * 1024 * 1024:
            talker.writer.write(chunk)
            try:
                async with asyncio.timeout(0.5):
                    await talker.writer.drain()
            except TimeoutError:
                break
            sent += len(chunk)
        assert sent < 64 * 1024 * 1024, "the relay went on reading"
        assert relay.resident_kb() - before_kb < 6 * 1024
        deaf.reader._transport.resume_reading()  # type: ignore[attr-defined]
        assert await read(deaf, sent) == (chunk * (sent // len(chunk) + 1))[:sent]


async def test_a_stalled_reader_is_ended(joined: Joined) -> None:
    limits = "buffer_bytes = 65536\nstall_s = 0.5\nclose_s = 0.5\nmessages_burst = 10000"
    async with joined(limits=limits) as (relay, charger, csms):
        csms.reader._transport.pause_reading()  # type: ignore[attr-defined]
        charger.writer.write(frame(BINARY, bytes(60_000), mask=MASK) * 300)
        await relay.until_metric('isolane_value_limit_closes_total{limit="stall"}', 1)
        assert close_code(await read_to_end(charger)) == 1008
        await relay.until_metric("isolane_value_connections", 0)


async def test_a_slow_reader_is_not_a_stalled_one(joined: Joined) -> None:
    size = 14 * 1024 * 1024
    async with joined(limits="buffer_bytes = 4194304\nstall_s = 1.5\nmessages_burst = 1000") as (relay, charger, csms):
        csms.reader._transport.pause_reading()  # type: ignore[attr-defined]
        wire = frame(BINARY, bytes(60_000), mask=MASK) * (size // 60_000)
        charger.writer.write(wire)
        csms.reader._transport.resume_reading()  # type: ignore[attr-defined]
        read_bytes = 0
        while read_bytes < len(wire):
            read_bytes += len(await read(csms, min(1_000_000, len(wire) - read_bytes)))
            await asyncio.sleep(0.2)
        assert await relay.metric('isolane_value_limit_closes_total{limit="stall"}') == 0
