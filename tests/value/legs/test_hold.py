"""This file checks that a charger can wait for its CSMS without either of them being lied to."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from support.raw_peer import BINARY, CLOSE, TEXT, Peer, RawCsms, accept, ask, close_code, end, frame, raw_csms, request
from support.relay import Relay, relaying

MASK = b"abcd"
UP, DOWN = frame(TEXT, b"up", mask=MASK), frame(TEXT, b"down")
DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate"
HELD = 'isolane_value_holds_total{result="%s"}'


async def read(peer: Peer, size: int) -> bytes:
    async with asyncio.timeout(10):
        return await peer.reader.readexactly(size)


async def read_to_end(peer: Peer) -> bytes:
    async with asyncio.timeout(10):
        return await peer.reader.read()


@asynccontextmanager
async def waiting(
    folder: Path,
    *fields: str,
    answer: Callable[[bytes], bytes] = accept,
    limits: str = "hold_s = 20",
    value: str = "",
    secure: bool = False,
) -> AsyncIterator[tuple[Relay, RawCsms, Peer, Peer]]:
    """Open charger → relay → CSMS with a relay that holds; give the relay, the CSMS, the charger, the CSMS's end."""
    listen, more, server, client = _tls(folder) if secure else ("", "", None, None)
    async with raw_csms(answer, server) as upstream:
        url = f'url = "{"wss" if secure else "ws"}://127.0.0.1:{upstream.port}/in"\n{more}'
        value += '\noutage = "hold"'
        async with relaying(folder, url, value=value, listen=listen, limits=limits + "\nclose_s = 1") as relay:
            charger = await ask(relay.ports[0], request("/ocpp/CP1?a=b", *fields), client)
            csms = await upstream.accepted()
            charger.writer.write(UP)
            assert await read(csms, len(UP)) == UP
            csms.writer.write(DOWN)
            assert await read(charger, len(DOWN)) == DOWN
            yield relay, upstream, charger, csms
            await end(charger.writer)


def _tls(folder: Path) -> tuple[str, str, ssl.SSLContext, ssl.SSLContext]:
    """Give the listener's and the CSMS's lines, the CSMS's context and the charger's."""
    ca = trustme.CA()
    leaf = ca.issue_cert("127.0.0.1")
    ca.cert_pem.write_to_path(folder / "ca.pem")
    leaf.cert_chain_pems[0].write_to_path(folder / "leaf.pem")
    leaf.private_key_pem.write_to_path(folder / "leaf.key")
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    leaf.configure_cert(server)
    ca.configure_trust(client)
    listen = '[[value.listen]]\naddress = "127.0.0.1:0"\npath = "/ocpp"\n'
    return listen + 'certificate = "leaf.pem"\nkey = "leaf.key"\n', 'ca = "ca.pem"', server, client


def by_turns(*answers: Callable[[bytes], bytes] | bytes) -> Callable[[bytes], bytes]:
    """Answer the first request with the first, and so on; the last one stays."""
    left = list(answers)

    def answer(head: bytes) -> bytes:
        said = left.pop(0) if len(left) > 1 else left[0]
        return said if isinstance(said, bytes) else said(head)

    return answer


@pytest.mark.parametrize(("how", "secure"), [("reset", False), ("end", False), ("reset", True), ("end", True)])
async def test_a_charger_waits_and_notices_nothing(tmp_path: Path, *, how: str, secure: bool) -> None:
    again = by_turns(accept, b"", b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", lambda head: accept(head) + DOWN)
    async with waiting(tmp_path, answer=again, secure=secure) as (relay, upstream, charger, csms):
        csms.reset() if how == "reset" else csms.writer.close()
        await relay.until_log("hold-begins")
        sent = UP * 40 + frame(BINARY, bytes(5000), mask=MASK)
        charger.writer.write(sent[:-100])
        behind = await upstream.accepted()
        charger.writer.write(sent[-100:])
        assert behind.head == csms.head, "the very same handshake"
        assert await read(behind, len(sent)) == sent
        assert await read(charger, len(DOWN)) == DOWN
        assert await relay.metric(HELD % "rejoined") == 1
        assert await relay.metric("isolane_value_connections") == 1
        assert await relay.metric('isolane_value_frames_total{direction="from-charger"}') == 42
        goodbye = frame(CLOSE, b"\x03\xe8", mask=MASK)
        charger.writer.write(goodbye)
        charger.writer.close()
        assert await read_to_end(behind) == goodbye
        behind.writer.close()
        await relay.until_metric("isolane_value_connections", 0)


@pytest.mark.parametrize(
    ("up", "down"),
    [
        (b"", DOWN[:3]),
        (UP[:7], b""),
        (b"", frame(TEXT, b"a", fin=False)),
        (frame(TEXT, b"a", mask=MASK, fin=False), b""),
    ],
)
async def test_half_a_message_is_never_continued(tmp_path: Path, up: bytes, down: bytes) -> None:
    async with waiting(tmp_path) as (relay, upstream, charger, csms):
        charger.writer.write(up)
        assert await read(csms, len(up)) == up
        csms.writer.write(down)
        assert await read(charger, len(down)) == down
        csms.writer.close()
        await read_to_end(charger)
        charger.writer.close()
        await relay.until_metric("isolane_value_connections", 0)
        assert len(upstream.heads) == 1


async def test_a_close_frame_is_meant(tmp_path: Path) -> None:
    goodbye = frame(CLOSE, b"\x03\xe9")
    async with waiting(tmp_path) as (relay, upstream, charger, csms):
        csms.writer.write(goodbye)
        csms.writer.close()
        assert await read_to_end(charger) == goodbye
        charger.writer.close()
        await relay.until_metric("isolane_value_connections", 0)
        assert len(upstream.heads) == 1


@pytest.mark.parametrize(
    "second",
    [
        b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n",
        lambda head: accept(head, "Sec-WebSocket-Protocol: ocpp2.0.1"),
        b"HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n\r\n",
    ],
)
async def test_another_answer_ends_the_wait(tmp_path: Path, second: Callable[[bytes], bytes] | bytes) -> None:
    first = lambda head: accept(head, "Sec-WebSocket-Protocol: ocpp1.6")  # noqa: E731 - beside its second
    offer = "Sec-WebSocket-Protocol: ocpp2.0.1, ocpp1.6"
    async with waiting(tmp_path, offer, answer=by_turns(first, second)) as (relay, upstream, charger, csms):
        csms.reset()
        charger.writer.write(UP)
        assert close_code(await read_to_end(charger)) == 1001
        charger.writer.close()
        await relay.until_metric("isolane_value_connections", 0)
        assert await relay.metric(HELD % "given-up") == 1
        assert len(upstream.heads) == 2


async def test_the_wait_has_an_end(tmp_path: Path) -> None:
    async with waiting(tmp_path, answer=by_turns(accept, b""), limits="hold_s = 0.6") as (relay, _, charger, csms):
        csms.reset()
        assert close_code(await read_to_end(charger)) == 1001
        charger.writer.close()
        await relay.until_metric("isolane_value_connections", 0)
        assert await relay.metric(HELD % "given-up") == 1


@pytest.mark.parametrize("how", ["reset", "end"])
async def test_a_charger_may_leave(tmp_path: Path, how: str) -> None:
    async with waiting(tmp_path, answer=by_turns(accept, b"")) as (relay, _, charger, csms):
        csms.reset()
        await relay.until_log("hold-begins")
        charger.reset() if how == "reset" else charger.writer.close()
        await relay.until_metric("isolane_value_connections", 0)
        assert await relay.metric(HELD % "left") == 1


async def test_a_drain_does_not_wait_with_it(tmp_path: Path) -> None:
    async with waiting(tmp_path, answer=by_turns(accept, b""), value="drain_s = 0") as (relay, _, charger, csms):
        csms.reset()
        await relay.until_log("hold-begins")
        relay.end()
        assert close_code(await read_to_end(charger)) == 1001
        charger.writer.close()
        async with asyncio.timeout(30):
            assert await relay.process.wait() == 0


async def test_what_waits_is_bounded_and_whole(tmp_path: Path) -> None:
    back = asyncio.Event()

    def answer(head: bytes) -> bytes:
        return accept(head) if back.is_set() else b""

    back.set()
    limits = "hold_s = 60\nhold_bytes = 65536"
    async with waiting(tmp_path, answer=answer, limits=limits) as (relay, upstream, charger, csms):
        before_kb = relay.resident_kb()
        back.clear()
        csms.reset()
        await relay.until_log("hold-begins")
        sent = frame(BINARY, bytes(range(256)) * 4096, mask=MASK) * 12
        charger.writer.write(sent)
        waited = len(upstream.heads)
        async with asyncio.timeout(20):
            while len(upstream.heads) < waited + 3:
                await asyncio.sleep(0.05)
        assert relay.resident_kb() - before_kb < 4096
        back.set()
        behind = await upstream.accepted()
        assert await read(behind, len(sent)) == sent


@pytest.mark.parametrize(
    ("mode", "agreed", "held"),
    [
        ("each-message", f"{DEFLATE}; server_no_context_takeover", True),
        ("untouched", f"{DEFLATE}; server_no_context_takeover", False),
        ("untouched", f"{DEFLATE}; server_no_context_takeover; client_no_context_takeover", True),
    ],
)
async def test_only_messages_that_stand_alone_may_change_legs(
    tmp_path: Path, *, mode: str, agreed: str, held: bool
) -> None:
    answer, value = (lambda head: accept(head, agreed)), f'compression = "{mode}"'
    async with waiting(tmp_path, DEFLATE, answer=answer, value=value) as (relay, upstream, charger, csms):
        csms.writer.close()
        if held:
            assert (await upstream.accepted()).head == csms.head
        else:
            await read_to_end(charger)
            assert len(upstream.heads) == 1
        charger.writer.close()
        await relay.until_metric("isolane_value_connections", 0)
