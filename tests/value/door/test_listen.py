"""This file checks the entrance over real sockets: deadlines, caps, policy, bytes behind the request."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
import trustme

from support.listening import listening
from support.raw_peer import TEXT, accept, ask, end, frame, raw_csms, request
from support.relay import relaying

MASK = b"\x11\x22\x33\x44"
LISTEN = '[[value.listen]]\naddress = "127.0.0.1:0"\npath = "/ocpp"\n'


async def until_closed(reader: asyncio.StreamReader, wait_s: float) -> bytes:
    async with asyncio.timeout(wait_s):
        with suppress(ConnectionResetError):
            return await reader.read()
    return b""


async def test_a_slow_request_ends_at_the_deadline(tmp_path: Path) -> None:
    async with relaying(tmp_path, 'url = "ws://127.0.0.1:9"', limits="handshake_s = 0.4") as relay:
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.ports[0])
        writer.write(b"GET /ocpp/CP1 HTTP/1.1\r\nHost: g\r\n")
        assert await until_closed(reader, 2) == b""
        writer.close()
        await relay.until_metric('isolane_value_handshakes_total{result="late"}', 1)


async def test_the_oldest_silent_socket_gives_way(tmp_path: Path) -> None:
    async with raw_csms() as csms:
        url = f'url = "ws://127.0.0.1:{csms.port}"'
        async with relaying(tmp_path, url, limits="preauth = 8\nhandshake_s = 60") as relay:
            silent = [await asyncio.open_connection("127.0.0.1", relay.ports[0]) for _ in range(30)]
            await relay.until_metric('isolane_value_handshakes_total{result="evicted"}', 22)
            charger = await ask(relay.ports[0], request("/ocpp/CP1"))
            assert charger.head.startswith(b"HTTP/1.1 101 ")
            await relay.until_metric('isolane_value_handshakes_total{result="evicted"}', 23)
            for _, writer in silent:
                await end(writer)
            await end(charger.writer)


@pytest.mark.parametrize(
    ("target", "fields", "status"),
    [
        ("/ocpp/CP2", (), b"404"),
        ("/other/CP1", (), b"404"),
        ("/ocpp/CP1", ("Origin: https://evil.example",), b"403"),
        ("/ocpp/CP1?x=1", (), b"400"),
        ("/ocpp/CP1", ("Content-Length: 3",), b"400"),
        ("/ocpp/CP1", ("Origin: https://good.example",), b"101"),
    ],
)
async def test_a_refused_charger_costs_no_connection_north(
    tmp_path: Path, target: str, fields: tuple[str, ...], status: bytes
) -> None:
    async with raw_csms() as csms:
        value = 'allow = ["CP1"]\norigins = ["https://good.example"]'
        url = f'url = "ws://127.0.0.1:{csms.port}"'
        async with relaying(tmp_path, url, value=value, listen=LISTEN + 'query = "refuse"\n') as relay:
            charger = await ask(relay.ports[0], request(target, *fields))
            assert charger.head.split(b" ")[1] == status
            assert len(csms.heads) == (status == b"101")
            await charger.close()


@pytest.mark.parametrize(
    "wire", [b"\x16\x03\x01\x02\x00\x01\x00", b"\r\n", b"GET / HTTP/1.1\r\nA: b\r\n\r\n" + b"x" * 1000]
)
async def test_what_is_not_a_request_is_answered_and_closed(tmp_path: Path, wire: bytes) -> None:
    async with relaying(tmp_path, 'url = "ws://127.0.0.1:9"') as relay:
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.ports[0])
        writer.write(wire)
        assert (await until_closed(reader, 5)).startswith(b"HTTP/1.1 4")
        writer.close()


async def test_a_flood_of_head_is_cut_at_its_limit(tmp_path: Path) -> None:
    async with relaying(tmp_path, 'url = "ws://127.0.0.1:9"') as relay:
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.ports[0])
        writer.write(b"GET /ocpp/CP1 HTTP/1.1\r\nX: " + b"a" * 10_000_000)
        assert (await until_closed(reader, 5)).startswith((b"HTTP/1.1 431 ", b""))
        await end(writer)
        await relay.until_metric('isolane_value_handshakes_total{result="malformed"}', 1)


async def test_frames_behind_either_head_belong_to_the_splice(tmp_path: Path) -> None:
    up, down = frame(TEXT, b"early" * 9, mask=MASK), frame(TEXT, b"at once" * 9)
    async with raw_csms(lambda head: accept(head) + down + down[:7]) as upstream:  # noqa: SIM117 - one line each
        async with relaying(tmp_path, f'url = "ws://127.0.0.1:{upstream.port}"') as relay:
            charger = await ask(relay.ports[0], request("/ocpp/CP1") + up + up[:3])
            csms = await upstream.accepted()
            csms.writer.write(down[7:])
            charger.writer.write(up[3:])
            async with asyncio.timeout(30):
                assert await csms.reader.readexactly(len(up) * 2) == up * 2
                assert await charger.reader.readexactly(len(down) * 2) == down * 2
            await end(charger.writer)


async def test_a_full_relay_says_come_back(tmp_path: Path) -> None:
    async with raw_csms() as csms:
        url = f'url = "ws://127.0.0.1:{csms.port}"'
        async with relaying(tmp_path, url, limits="connections = 1") as relay:
            first = await ask(relay.ports[0], request("/ocpp/CP1"))
            second = await ask(relay.ports[0], request("/ocpp/CP2"))
            assert second.head.startswith(b"HTTP/1.1 503 ")
            assert b"\r\nRetry-After: 10\r\n" in second.head
            await end(first.writer)
            await second.close()


async def test_a_charger_that_leaves_while_the_csms_thinks_leaves_nothing(tmp_path: Path) -> None:
    asked, release = asyncio.Event(), asyncio.Event()

    async def think(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        assert await reader.read() == b""
        release.set()
        writer.close()

    async with listening(think) as port, relaying(tmp_path, f'url = "ws://127.0.0.1:{port}"') as relay:
        _, writer = await asyncio.open_connection("127.0.0.1", relay.ports[0])
        writer.write(request("/ocpp/CP1"))
        async with asyncio.timeout(30):
            await asked.wait()
            writer.close()
            await release.wait()
        await relay.until_metric('isolane_value_handshakes_total{result="gone"}', 1)


async def test_a_tls_handshake_counts_against_the_same_deadline(tmp_path: Path) -> None:
    ca = trustme.CA()
    leaf = ca.issue_cert("127.0.0.1")
    leaf.cert_chain_pems[0].write_to_path(tmp_path / "leaf.pem")
    leaf.private_key_pem.write_to_path(tmp_path / "leaf.key")
    listen = LISTEN + 'certificate = "leaf.pem"\nkey = "leaf.key"\n'
    async with relaying(tmp_path, 'url = "ws://127.0.0.1:9"', listen=listen, limits="handshake_s = 0.4") as relay:
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.ports[0])
        assert await until_closed(reader, 2) == b""
        await end(writer)
        await relay.until_metric('isolane_value_handshakes_total{result="late"}', 1)
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.ports[0])
        writer.write(request("/ocpp/CP1"))
        assert b"HTTP" not in await until_closed(reader, 2)
        await end(writer)
        await relay.until_metric('isolane_value_handshakes_total{result="tls"}', 1)
