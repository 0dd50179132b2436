"""This file checks who gets an identity that connects twice, with raw peers on both sides of a relay process."""

import asyncio
from pathlib import Path

from support.listening import listening
from support.raw_peer import TEXT, accept, ask, close_code, end, frame, raw_csms, request
from support.relay import relaying

MASK = b"\x11\x22\x33\x44"
HELLO = frame(TEXT, b"hello", mask=MASK)
BAD = "Authorization: Basic YmFk"


def picky(head: bytes) -> bytes:
    """Accept everybody who does not have the bad password."""
    return b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n" if BAD.encode() in head else accept(head)


async def test_a_dead_connection_gives_way_and_a_live_one_does_not(tmp_path: Path) -> None:
    async with raw_csms() as upstream:
        url = f'url = "ws://127.0.0.1:{upstream.port}"'
        async with relaying(tmp_path, url, limits="probe_s = 0.3\nclose_s = 0.5") as relay:
            dead = await ask(relay.ports[0], request("/ocpp/CP1"))
            old = await upstream.accepted()
            fresh = await ask(relay.ports[0], request("/ocpp/CP1"))
            new = await upstream.accepted()
            assert fresh.head.startswith(b"HTTP/1.1 101 ")
            async with asyncio.timeout(30):
                assert close_code(await old.reader.read()) == 1001
                assert close_code((await dead.reader.read())[10:]) == 1001, "behind the Ping"
            await relay.until_metric("isolane_value_connections", 1)
            fresh.writer.write(HELLO)
            assert await new.reader.readexactly(len(HELLO)) == HELLO
            told = [line for line in relay.log if "security-event type=duplicate-identity" in line]
            assert any("peer=127.0.0.1 charger=CP1" in line and "gives way" in line for line in told)
            for peer in (dead, fresh):
                await end(peer.writer)


async def test_a_silent_connection_does_not_give_way_to_a_wrong_password(tmp_path: Path) -> None:
    async with raw_csms(picky) as upstream:
        url = f'url = "ws://127.0.0.1:{upstream.port}"'
        async with relaying(tmp_path, url, limits="probe_s = 0.3") as relay:
            charger = await ask(relay.ports[0], request("/ocpp/CP1"))
            csms = await upstream.accepted()
            thief = await ask(relay.ports[0], request("/ocpp/CP1", BAD))
            assert thief.head.startswith(b"HTTP/1.1 401 ")
            charger.writer.write(HELLO)
            assert await csms.reader.readexactly(len(HELLO)) == HELLO
            for peer in (charger, thief):
                await end(peer.writer)


async def test_one_that_is_heard_while_the_csms_thinks_stays(tmp_path: Path) -> None:
    asked, think = asyncio.Event(), asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if seen:
            asked.set()
            await think.wait()
        seen.append(head)
        writer.write(accept(head))
        await reader.read()
        writer.close()

    seen: list[bytes] = []
    async with (
        listening(slow) as port,
        relaying(tmp_path, f'url = "ws://127.0.0.1:{port}"', limits="probe_s = 0.3") as relay,
    ):
        charger = await ask(relay.ports[0], request("/ocpp/CP1"))
        newcomer = asyncio.create_task(ask(relay.ports[0], request("/ocpp/CP1")))
        async with asyncio.timeout(30):
            await asked.wait()
        charger.writer.write(HELLO)
        await relay.until_metric('isolane_value_frames_total{direction="from-charger"}', 1)
        think.set()
        assert (await newcomer).head.startswith(b"HTTP/1.1 409 ")
        assert await relay.metric("isolane_value_connections") == 1
        await end((await newcomer).writer)
        await end(charger.writer)


async def test_two_quick_newcomers_are_one_connection(tmp_path: Path) -> None:
    async with raw_csms() as upstream, relaying(tmp_path, f'url = "ws://127.0.0.1:{upstream.port}"') as relay:
        both = await asyncio.gather(*(ask(relay.ports[0], request("/ocpp/CP1")) for _ in range(2)))
        assert sorted(peer.head[9:12] for peer in both) == [b"101", b"409"]
        for peer in both:
            await end(peer.writer)


async def test_the_newest_wins_where_it_is_told_to_and_only_when_accepted(tmp_path: Path) -> None:
    async with raw_csms(picky) as upstream:
        url = f'url = "ws://127.0.0.1:{upstream.port}"'
        async with relaying(tmp_path, url, value='duplicates = "newest-if-authenticated"') as relay:
            old = await ask(relay.ports[0], request("/ocpp/CP1"))
            thief = await ask(relay.ports[0], request("/ocpp/CP1", BAD))
            assert thief.head.startswith(b"HTTP/1.1 401 ")
            assert await relay.metric("isolane_value_connections") == 1
            new = await ask(relay.ports[0], request("/ocpp/CP1"))
            assert new.head.startswith(b"HTTP/1.1 101 ")
            async with asyncio.timeout(30):
                assert close_code(await old.reader.read()) == 1001
            for peer in (old, thief, new):
                await end(peer.writer)


async def test_refuse_refuses_without_asking_anybody(tmp_path: Path) -> None:
    async with raw_csms() as upstream:
        url = f'url = "ws://127.0.0.1:{upstream.port}"'
        async with relaying(tmp_path, url, value='duplicates = "refuse"') as relay:
            old = await ask(relay.ports[0], request("/ocpp/CP1"))
            csms = await upstream.accepted()
            new = await ask(relay.ports[0], request("/ocpp/CP1"))
            assert new.head.startswith(b"HTTP/1.1 409 ")
            assert len(upstream.heads) == 1
            await end(old.writer)
            await end(csms.writer)
            await relay.until_metric("isolane_value_connections", 0)
            again = await ask(relay.ports[0], request("/ocpp/CP1"))
            assert again.head.startswith(b"HTTP/1.1 101 ")
            for peer in (new, again):
                await end(peer.writer)
