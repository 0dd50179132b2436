"""This file checks TLS against the standard library's: handshakes, large writes, both kinds of end."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trustme

from isolane.value.legs.tls_stream import TlsStream
from support.listening import listening


class Recorder(asyncio.Protocol):
    """Keeps what it is given."""

    def __init__(self, echo: bool) -> None:  # noqa: FBT001 - a test's switch
        self.echo = echo
        self.stream: asyncio.Transport | None = None
        self.got = bytearray()
        self.ends = 0
        self.lost: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.stream = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.got += data
        if self.echo and self.stream is not None:
            self.stream.write(data)

    def eof_received(self) -> bool:
        self.ends += 1
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(exc)


@pytest.fixture
def ca() -> trustme.CA:
    return trustme.CA()


def server_side(ca: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert(name).configure_cert(context)
    return context


def client_side(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    ca.configure_trust(context)
    return context


@asynccontextmanager
async def serving(context: ssl.SSLContext, *, echo: bool = True) -> AsyncIterator[tuple[int, list[Recorder]]]:
    made: list[Recorder] = []

    def factory() -> TlsStream:
        made.append(Recorder(echo))
        return TlsStream(context, made[-1], server=True)

    server = await asyncio.get_running_loop().create_server(factory, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1], made
    server.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_bytes_of_any_size_come_back(ca: trustme.CA, version: ssl.TLSVersion) -> None:
    sent = bytes(range(256)) * 12_000
    client = client_side(ca)
    client.maximum_version = client.minimum_version = version
    async with serving(server_side(ca)) as (port, made), asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client, server_hostname="127.0.0.1")
        writer.write(sent)
        assert await reader.readexactly(len(sent)) == sent
        writer.close()
        await writer.wait_closed()
        await made[0].lost
        assert made[0].ends == 1


async def test_a_client_sees_the_end_behind_the_bytes(ca: trustme.CA) -> None:
    ended = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(5))
        await writer.drain()
        writer.close()
        ended.set()

    recorder = Recorder(echo=False)
    stream = TlsStream(client_side(ca), recorder, server=False, name="127.0.0.1")
    async with listening(answer, server_side(ca)) as port, asyncio.timeout(10):
        await asyncio.get_running_loop().create_connection(lambda: stream, "127.0.0.1", port)
        while recorder.stream is None:
            await asyncio.sleep(0.005)
        recorder.stream.write(b"hello")
        await recorder.lost
    assert (bytes(recorder.got), recorder.ends) == (b"hello", 1)


async def test_an_end_without_close_notify_is_an_end(ca: trustme.CA) -> None:
    async with serving(server_side(ca)) as (port, made), asyncio.timeout(10):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = client_side(ca).wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                writer.write(outgoing.read())
                incoming.write(await reader.read(65_536))
        tls.write(b"cut")
        writer.write(outgoing.read())
        writer.write_eof()
        while await reader.read(65_536):
            pass
        await made[0].lost
        assert (bytes(made[0].got), made[0].ends) == (b"cut", 1)
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("fault", ["unknown-ca", "other-name"])
async def test_a_server_that_cannot_prove_its_name_is_told_and_left(ca: trustme.CA, fault: str) -> None:
    context = server_side(
        trustme.CA() if fault == "unknown-ca" else ca, "other" if fault == "other-name" else "127.0.0.1"
    )
    async with serving(context) as (port, made), asyncio.timeout(10):
        recorder = Recorder(echo=False)
        stream = TlsStream(client_side(ca), recorder, server=False, name="127.0.0.1")
        await asyncio.get_running_loop().create_connection(lambda: stream, "127.0.0.1", port)
        assert isinstance(await recorder.lost, ssl.SSLCertVerificationError)
        assert recorder.stream is None
        await made[0].lost
        assert made[0].got == b""


async def test_what_is_not_tls_is_an_error_of_the_handshake(ca: trustme.CA) -> None:
    async with serving(server_side(ca)) as (port, made), asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await reader.read()
        writer.close()
        await writer.wait_closed()
        assert isinstance(await made[0].lost, ssl.SSLError)
        assert made[0].stream is None
