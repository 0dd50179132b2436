"""This file checks that each way a CSMS can refuse a charger is told apart, against an independent server."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

import pytest
import trustme
from websockets.asyncio.server import Server, ServerConnection, basic_auth, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from isolane.cli.csms_probe import Caller, ask
from isolane.value.access.basic import write_basic
from isolane.value.access.retrofit import Voice
from isolane.value.settings import Csms
from support.listening import listening


async def _hold(connection: ServerConnection) -> None:
    await connection.wait_closed()


def _url(server: Server) -> str:
    return f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ocpp"


@asynccontextmanager
async def _answering(raw: bytes) -> AsyncIterator[str]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(raw)
        writer.close()

    async with listening(answer) as port:
        yield f"ws://127.0.0.1:{port}/ocpp"


async def test_an_accepted_charger_learns_the_subprotocol() -> None:
    async with serve(_hold, "127.0.0.1", 0, subprotocols=[Subprotocol("ocpp1.6")]) as server:
        assert await ask(Csms(url=_url(server)), Caller("CP 1")) == ("", "ocpp1.6")


async def test_a_password_is_told_from_none() -> None:
    guard = basic_auth(credentials=("CP1", "0123456789abcdef"))
    async with serve(_hold, "127.0.0.1", 0, subprotocols=[Subprotocol("ocpp2.0.1")], process_request=guard) as server:
        csms = Csms(url=_url(server))
        assert "(401)" in (await ask(csms, Caller("CP1")))[0]
        assert "(401)" in (await ask(csms, Caller("CP1", b"wrong")))[0]
        assert await ask(csms, Caller("CP1", b"0123456789abcdef")) == ("", "ocpp2.0.1")


async def test_an_unknown_charger_is_told() -> None:
    def unknown(connection: ServerConnection, _: Request) -> Response:
        return connection.respond(HTTPStatus.NOT_FOUND, "no such charger\n")

    async with serve(_hold, "127.0.0.1", 0, process_request=unknown) as server:
        assert "does not know this charger" in (await ask(Csms(url=_url(server)), Caller("CP1")))[0]


async def test_no_common_subprotocol_is_told() -> None:
    async with serve(_hold, "127.0.0.1", 0) as server:
        assert "no subprotocol" in (await ask(Csms(url=_url(server)), Caller("CP1")))[0]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (
            b"HTTP/1.1 302 Found\r\nLocation: https://elsewhere/\r\nContent-Length: 0\r\n\r\n",
            "redirects to https://else",
        ),
        (b"HTTP/1.1 418 Teapot\r\nContent-Length: 0\r\n\r\n", "418 Teapot"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "does not answer in HTTP"),
        (b"", "does not answer in HTTP"),
        (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: AAAA\r\n\r\n",
            "wrong accept",
        ),
    ],
)
async def test_what_is_no_csms_is_told(raw: bytes, words: str) -> None:
    async with _answering(raw) as url:
        assert words in (await ask(Csms(url=url), Caller("CP1")))[0]


async def test_a_name_that_is_not_known_is_told() -> None:
    problem, _ = await ask(Csms(url="wss://no-such-host.invalid/ocpp"), Caller("CP1"))
    assert "the name no-such-host.invalid is not known" in problem


async def test_a_chain_that_is_not_trusted_is_told_from_a_port_without_tls(tmp_path: Path) -> None:
    ca, other = trustme.CA(), trustme.CA()
    for name, each in (("ca.pem", ca), ("other.pem", other)):
        each.cert_pem.write_to_path(tmp_path / name)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    async with serve(_hold, "127.0.0.1", 0, subprotocols=[Subprotocol("ocpp1.6")], ssl=context) as server:
        url = _url(server).replace("ws:", "wss:")
        assert await ask(Csms(url=url, ca=tmp_path / "ca.pem"), Caller("CP1")) == ("", "ocpp1.6")
        problem, _ = await ask(Csms(url=url, ca=tmp_path / "other.pem"), Caller("CP1"))
        assert "not trusted" in problem
        problem, _ = await ask(Csms(url=url.replace("127.0.0.1", "localhost"), ca=tmp_path / "ca.pem"), Caller("CP1"))
        assert "check `ca` and host name" in problem
        assert "does not answer in HTTP" in (await ask(Csms(url=_url(server)), Caller("CP1")))[0]


async def test_what_the_relay_says_for_a_charger_is_said() -> None:
    guard = basic_auth(credentials=("CP1", "of-the-gateway"))
    async with serve(_hold, "127.0.0.1", 0, subprotocols=[Subprotocol("ocpp1.6")], process_request=guard) as server:
        csms = Csms(url=_url(server))
        assert await ask(csms, Caller("CP1"), Voice(write_basic("CP1", b"of-the-gateway"), None)) == ("", "ocpp1.6")
        assert "(401)" in (await ask(csms, Caller("CP1"), Voice(None, None)))[0]


async def test_a_closed_port_is_told() -> None:
    async with _answering(b"") as url:
        pass
    assert "cannot be reached" in (await ask(Csms(url=url), Caller("CP1")))[0]
