"""This file checks over real sockets that each refusal leaves one security event, whatever was sent."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from support.raw_peer import Peer, accept, ask, end, raw_csms, request
from support.relay import relaying


@pytest.mark.parametrize(
    ("wire", "kind", "charger"),
    [
        (b"SSH-2.0-OpenSSH\r\n\r\n", "malformed-request", "-"),
        (request("/ocpp/CP1", "Authorization: Basic eA==", "Authorization: Basic eQ=="), "smuggling", "-"),
        (request("/ocpp/CP1", "Transfer-Encoding: chunked"), "smuggling", "-"),
        (request("/ocpp/CP%0d%0aX-Inject:%201"), "bad-identity", "-"),
        (request("/ocpp/CP1%00"), "bad-identity", "-"),
        (request("/ocpp/CP2"), "unknown-identity", "CP2"),
        (request("/ocpp/CP1", "Origin: https://evil.example"), "foreign-origin", "CP1"),
    ],
)
async def test_a_refusal_is_one_event(tmp_path: Path, wire: bytes, kind: str, charger: str) -> None:
    async with relaying(tmp_path, 'url = "ws://127.0.0.1:9"', value='allow = ["CP1"]') as relay:
        peer = await ask(relay.ports[0], wire)
        assert peer.head.startswith(b"HTTP/1.1 4")
        await peer.close()
        await relay.until_metric(f'isolane_value_security_events_total{{type="{kind}"}}', 1)
    told = [line for line in relay.log if "127.0.0.1" in line and "ready" not in line]
    assert len(told) == 1, told
    assert f"security-event type={kind} listener=127.0.0.1:0 peer=127.0.0.1 charger={charger} " in told[0]
    assert "X-Inject" not in told[0]


async def test_a_flood_is_one_line(tmp_path: Path) -> None:
    async with relaying(tmp_path, 'url = "ws://127.0.0.1:9"') as relay:
        for _ in range(50):
            peer = await ask(relay.ports[0], b"junk" + request("/ocpp/CP1"))
            await end(peer.writer)
        await relay.until_metric('isolane_value_security_events_total{type="malformed-request"}', 50)
    assert len([line for line in relay.log if "security-event " in line]) == 1
    assert any("security-events-suppressed count=49" in line for line in relay.log)


async def test_a_credential_that_the_csms_refuses_is_an_event_and_is_not_told(tmp_path: Path) -> None:
    async with raw_csms(lambda _: b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n") as csms:
        async with relaying(tmp_path, f'url = "ws://127.0.0.1:{csms.port}"') as relay:
            peer = await ask(relay.ports[0], request("/ocpp/CP1", "Authorization: Basic c2VjcmV0OnNlY3JldA=="))
            await peer.close()
            await relay.until_metric('isolane_value_security_events_total{type="authentication"}', 1)
        assert any("type=authentication" in line and "charger=CP1" in line for line in relay.log)
        assert "c2VjcmV0" not in "".join(relay.log)


async def ask_from(address: str, port: int, wire: bytes) -> Peer:
    """Ask from another address; the head is b"" where nobody listens."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    writer.write(wire)
    head = b""
    async with asyncio.timeout(10):
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
    return Peer(head, reader, writer)


@pytest.mark.parametrize(
    ("wire", "status"),
    [
        (b"\0" + request("/ocpp/CP1"), b"400"),
        (request("/ocpp/CP1", "Content-Length: 3"), b"400"),
        (request("/elsewhere/CP1"), b"404"),
        (request("/ocpp/UNKNOWN"), b"404"),
        (request("/ocpp/CP3"), b"401"),
    ],
)
async def test_who_fails_too_often_is_not_listened_to_and_shuts_out_no_charger(
    tmp_path: Path, wire: bytes, status: bytes
) -> None:
    def answer(head: bytes) -> bytes:
        return b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n" if b"/CP3 " in head else accept(head)

    async with raw_csms(answer) as csms:
        value, url = 'allow = ["CP1", "CP2", "CP3"]', f'url = "ws://127.0.0.1:{csms.port}"'
        async with relaying(tmp_path, url, value=value, limits="failed_handshakes_per_min = 5") as relay:
            port = relay.ports[0]
            known = await ask(port, request("/ocpp/CP1"))
            await end(known.writer)
            await relay.until_metric("isolane_value_connections", 0)
            for address in ("127.0.0.1", "127.0.0.66"):
                for _ in range(5):
                    peer = await ask_from(address, port, wire)
                    assert peer.head.split(b" ")[1] == status
                    await end(peer.writer)
            heads = len(csms.heads)
            throttled = await ask(port, request("/ocpp/CP2"))
            assert throttled.head.startswith(b"HTTP/1.1 429 ")
            assert b"\r\nRetry-After: 60\r\n" in throttled.head
            unheard = await ask_from("127.0.0.66", port, request("/ocpp/CP2"))
            assert unheard.head == b"", "no charger is known there"
            assert len(csms.heads) == heads
            again = await ask(port, request("/ocpp/CP1"))
            assert again.head.startswith(b"HTTP/1.1 101 "), "one is known here, and it may try"
            elsewhere = await ask_from("127.0.0.7", port, request("/ocpp/CP2"))
            assert elsewhere.head.startswith(b"HTTP/1.1 101 ")
            for peer in (throttled, unheard, again, elsewhere):
                await end(peer.writer)
            await relay.until_metric('isolane_value_security_events_total{type="throttled"}', 2)


async def test_who_waits_and_has_proved_nothing_gives_way_and_who_is_connected_never(tmp_path: Path) -> None:
    slow = b"/STRANGER"

    async with raw_csms(lambda head: b"HTTP/1.1 101 " if slow in head else accept(head)) as csms:
        url = f'url = "ws://127.0.0.1:{csms.port}"'
        async with relaying(tmp_path, url, limits="connections = 3") as relay:
            port = relay.ports[0]
            for charger in ("CP1", "CP2"):
                peer = await ask(port, request(f"/ocpp/{charger}"))
                await end(peer.writer)
            await relay.until_metric("isolane_value_connections", 0)
            connected = await ask(port, request("/ocpp/CP1"))
            strangers = []
            for number in range(2):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(request(f"/ocpp/STRANGER{number}"))
                strangers.append(Peer(b"", reader, writer))
            while len(csms.heads) < 5:
                await asyncio.sleep(0.01)
            newcomer = await ask(port, request("/ocpp/CP9"))
            assert newcomer.head.startswith(b"HTTP/1.1 503 "), "it has proved no more than those who wait"
            proved = await ask(port, request("/ocpp/CP2"))
            assert proved.head.startswith(b"HTTP/1.1 101 ")
            async with asyncio.timeout(10):
                head = await strangers[0].reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 503 "), "the one that has waited longest"
            await relay.until_metric('isolane_value_handshakes_total{result="shed"}', 1)
            assert await relay.metric("isolane_value_connections") == 2
            assert await relay.metric('isolane_value_security_events_total{type="crowding"}') == 2
            for peer in (connected, newcomer, proved, *strangers):
                await end(peer.writer)
