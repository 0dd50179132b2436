"""This file checks that the charger hears what the CSMS said, and 502 or 504 when it said nothing."""

import asyncio
import socket
import ssl
from pathlib import Path

import pytest
import trustme

from support.listening import listening
from support.raw_peer import TEXT, ask, end, frame, raw_csms, request
from support.relay import relaying


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        (
            b'401 No\r\nWWW-Authenticate: Basic realm="c"\r\nContent-Length: 4\r\nX-Own: 1\r\n\r\nnope',
            b'401 No\r\nWww-Authenticate: Basic realm="c"\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnope',
        ),
        (
            b"404 Who\r\nContent-Type: text/plain\r\n\r\nto the end",
            b"404 Who\r\nContent-Type: text/plain\r\nContent-Length: 10\r\nConnection: close\r\n\r\nto the end",
        ),
        (
            b"503 Busy\r\nRetry-After: 120\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            b"503 Busy\r\nRetry-After: 120\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
        ),
        (
            b"100 Continue\r\n\r\nHTTP/1.1 429 Slow\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
            b"429 Slow\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        ),
    ],
)
async def test_a_refusal_is_mirrored(tmp_path: Path, said: bytes, heard: bytes) -> None:
    async with raw_csms(lambda _: b"HTTP/1.1 " + said) as csms:  # noqa: SIM117 - one line each
        async with relaying(tmp_path, f'url = "ws://127.0.0.1:{csms.port}/in"') as relay:
            charger = await ask(relay.ports[0], request("/ocpp/CP1"))
            assert charger.head + await charger.reader.read() == b"HTTP/1.1 " + heard
            assert csms.heads[0].startswith(b"GET /in/CP1 HTTP/1.1\r\n")
            await charger.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 302 Found\r\nLocation: ws://evil/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 404 Not F",
        b"",
    ],
)
async def test_an_answer_that_is_none_is_502(tmp_path: Path, answer: bytes) -> None:
    async with raw_csms(lambda _: answer) as csms, relaying(tmp_path, f'url = "ws://127.0.0.1:{csms.port}"') as relay:
        if b" 101 " in answer:
            charger = await ask(relay.ports[0], request("/ocpp/CP1"))
            lied_to = await csms.accepted()
            assert await lied_to.reader.read() == b""
        else:
            charger = await ask(relay.ports[0], request("/ocpp/CP1"))
        assert charger.head.startswith(b"HTTP/1.1 502 ")
        await charger.close()


async def test_a_csms_that_is_down_is_502(tmp_path: Path) -> None:
    async with raw_csms() as csms:
        port = csms.port
    async with relaying(tmp_path, f'url = "ws://127.0.0.1:{port}"') as relay:
        charger = await ask(relay.ports[0], request("/ocpp/CP1"))
        assert charger.head.startswith(b"HTTP/1.1 502 ")
        await charger.close()
        assert await relay.metric('isolane_value_handshakes_total{result="unreachable"}') == 1


async def test_a_csms_that_says_nothing_is_504(tmp_path: Path) -> None:
    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with (
        listening(silence) as port,
        relaying(tmp_path, f'url = "ws://127.0.0.1:{port}"\nconnect_s = 0.3') as relay,
    ):
        charger = await ask(relay.ports[0], request("/ocpp/CP1"))
        assert charger.head.startswith(b"HTTP/1.1 504 ")
        await charger.close()


@pytest.mark.parametrize("fault", ["unknown-ca", "other-name", "plain"])
async def test_a_csms_that_cannot_prove_its_name_is_502(tmp_path: Path, fault: str) -> None:
    ca, other = trustme.CA(), trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    (other if fault == "unknown-ca" else ca).issue_cert(
        "csms.example" if fault == "other-name" else "127.0.0.1"
    ).configure_cert(context)
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    async with raw_csms(context=None if fault == "plain" else context) as csms:
        settings = f'url = "wss://127.0.0.1:{csms.port}"\nca = "ca.pem"\nconnect_s = 3'
        async with relaying(tmp_path, settings) as relay:
            charger = await ask(relay.ports[0], request("/ocpp/CP1"))
            assert charger.head.split(b" ")[1] in {b"502", b"504"}
            assert csms.heads == []
            await charger.close()


async def test_a_client_certificate_lifts_a_plain_charger(tmp_path: Path) -> None:
    ca = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    ca.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    own = ca.issue_cert("gateway")
    own.cert_chain_pems[0].write_to_path(tmp_path / "own.pem")
    own.private_key_pem.write_to_path(tmp_path / "own.key")
    async with raw_csms(context=context) as csms:
        url = f'url = "wss://127.0.0.1:{csms.port}"\nca = "ca.pem"\n'
        async with relaying(tmp_path, url + 'certificate = "own.pem"\nkey = "own.key"') as relay:
            charger = await ask(relay.ports[0], request("/ocpp/CP1"))
            assert charger.head.startswith(b"HTTP/1.1 101 ")
            assert await relay.metric('isolane_value_certificate_expiry_seconds{certificate="own.pem"}') > 0
            await end(charger.writer)


async def test_a_charger_goes_on_to_the_next_endpoint_and_later_back(tmp_path: Path) -> None:
    async with raw_csms() as second:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        urls = f'url = "ws://127.0.0.1:{port}/a"\nurls = ["ws://127.0.0.1:{second.port}/b"]'
        async with relaying(tmp_path, urls) as relay:
            peers = [await ask(relay.ports[0], request("/ocpp/CP1"))]
            assert second.heads[0].startswith(b"GET /b/CP1 ")
            assert f"Host: 127.0.0.1:{second.port}\r\n".encode() in second.heads[0]
            up = f'isolane_value_csms_endpoint_up{{endpoint="127.0.0.1:{port}"}}'
            assert await relay.metric(up) == 0
            async with raw_csms(port=port) as first:
                async with asyncio.timeout(10):
                    while not first.heads:
                        peers.append(await ask(relay.ports[0], request(f"/ocpp/CP{len(peers) + 1}")))
                        await asyncio.sleep(0.05)
                assert first.heads[0].startswith(b"GET /a/CP")
                assert await relay.metric(up) == 1
                behind = await second.accepted()
                peers[0].writer.write(frame(TEXT, b"still here", mask=b"abcd"))
                assert len(await behind.reader.readexactly(16)) == 16, "who was connected stays where it is"
                for peer in peers:
                    await end(peer.writer)


@pytest.mark.parametrize("status", ["401 No", "503 Later"])
async def test_an_answer_is_an_answer(tmp_path: Path, status: str) -> None:
    said = f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()
    async with raw_csms(lambda _: said) as first, raw_csms() as second:
        urls = f'url = "ws://127.0.0.1:{first.port}"\nurls = ["ws://127.0.0.1:{second.port}"]'
        async with relaying(tmp_path, urls) as relay:
            charger = await ask(relay.ports[0], request("/ocpp/CP1"))
            assert charger.head.startswith(f"HTTP/1.1 {status}".encode())
            assert not second.heads
            await charger.close()


async def test_three_hundred_at_once_reach_the_csms_at_its_pace(tmp_path: Path) -> None:
    count, per_s = 300, 100
    async with raw_csms() as csms:
        url = f'url = "ws://127.0.0.1:{csms.port}"'
        limits = f"preauth = 1000\ndials_per_s = {per_s}\ndials_burst = 20\ndial_wait_s = 1"
        async with relaying(tmp_path, url, limits=limits) as relay:
            begin = asyncio.get_running_loop().time()
            peers = await asyncio.gather(*(ask(relay.ports[0], request(f"/ocpp/CP{i}")) for i in range(count)))
            took_s = asyncio.get_running_loop().time() - begin
            accepted = [peer for peer in peers if peer.head.startswith(b"HTTP/1.1 101 ")]
            told = [peer for peer in peers if peer.head.startswith(b"HTTP/1.1 503 ")]
            assert len(accepted) + len(told) == count
            assert len(csms.heads) == len(accepted)
            assert 20 + per_s <= len(accepted) <= 20 + per_s * (took_s + 0.1)
            assert all(b"\r\nRetry-After: " in peer.head for peer in told)
            waiting = [index for index, peer in enumerate(peers) if peer in told]
            while waiting:
                again = await asyncio.gather(*(ask(relay.ports[0], request(f"/ocpp/CP{i}")) for i in waiting))
                waiting = [i for i, peer in zip(waiting, again, strict=True) if b" 101 " not in peer.head[:14]]
                peers += again
            assert len(csms.heads) == count
            assert count <= 20 + per_s * (asyncio.get_running_loop().time() - begin + 0.1)
            for peer in peers:
                await end(peer.writer)
