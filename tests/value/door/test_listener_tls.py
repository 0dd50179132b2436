"""This file checks that certificates are renewed under living connections and never replaced by what does not fit."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from isolane.config.values import Address
from isolane.core.failures import IsolaneError
from isolane.security.tls import client_context
from isolane.value.access.settings import Listener
from isolane.value.door.listener_tls import ListenerTls
from isolane.value.legs.tls_stream import TlsStream

CA = trustme.CA()
RSA, ECDSA = trustme.KeyType.RSA, trustme.KeyType.ECDSA


def write(folder: Path, name: str, kind: trustme.KeyType) -> bytes:
    """Issue; give the certificate, PEM."""
    leaf = CA.issue_cert("127.0.0.1", key_type=kind)
    leaf.cert_chain_pems[0].write_to_path(folder / f"{name}.pem")
    leaf.private_key_pem.write_to_path(folder / f"{name}.key")
    return leaf.cert_chain_pems[0].bytes()


@pytest.fixture
def listener(tmp_path: Path) -> Listener:
    CA.cert_pem.write_to_path(tmp_path / "ca.pem")
    write(tmp_path, "rsa", RSA)
    write(tmp_path, "ecdsa", ECDSA)
    return Listener(
        address=Address("127.0.0.1", 0),
        certificate=tmp_path / "rsa.pem",
        key=tmp_path / "rsa.key",
        second_certificate=tmp_path / "ecdsa.pem",
        second_key=tmp_path / "ecdsa.key",
    )


class Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.stream: TlsStream = transport  # type: ignore[assignment]  # what TlsStream gives

    def data_received(self, data: bytes) -> None:
        self.stream.write(data)


@asynccontextmanager
async def serving(tls: ListenerTls) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: TlsStream(tls.context, Echo(), server=True), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


class Client:
    """A connection that says what it is told."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @property
    def certificate(self) -> bytes:
        return ssl.DER_cert_to_PEM_cert(self.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)).encode()

    async def echoes(self) -> bool:
        self.writer.write(b"there?")
        return await self.reader.readexactly(6) == b"there?"

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


async def connect(port: int, folder: Path, suite: str) -> Client:
    context = client_context(folder / "ca.pem")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(suite)
    return Client(*await asyncio.open_connection("127.0.0.1", port, ssl=context))


async def test_each_kind_of_charger_finds_its_certificate(tmp_path: Path, listener: Listener) -> None:
    rsa, ecdsa = write(tmp_path, "rsa", RSA), write(tmp_path, "ecdsa", ECDSA)
    async with serving(ListenerTls(listener)) as port:
        for suite, shown in (("AES128-GCM-SHA256", rsa), ("ECDHE-ECDSA-AES256-GCM-SHA384", ecdsa)):
            client = await connect(port, tmp_path, suite)
            assert client.certificate.strip() == shown.strip()
            await client.close()


async def test_a_renewed_certificate_is_shown_to_newcomers_while_connections_live(
    tmp_path: Path, listener: Listener
) -> None:
    tls = ListenerTls(listener)
    async with serving(tls) as port:
        old = await connect(port, tmp_path, "ECDHE+ECDSA")
        renewed = write(tmp_path, "ecdsa", ECDSA)
        tls.reload()
        new = await connect(port, tmp_path, "ECDHE+ECDSA")
        assert new.certificate.strip() == renewed.strip() != old.certificate.strip()
        assert await old.echoes()
        assert await new.echoes()
        await old.close()
        await new.close()


@pytest.mark.parametrize("fault", ["absent", "other-key", "text", "same-kind"])
async def test_files_that_do_not_fit_change_nothing(tmp_path: Path, listener: Listener, fault: str) -> None:
    tls = ListenerTls(listener)
    context = tls.context
    if fault == "absent":
        (tmp_path / "rsa.pem").unlink()
    elif fault == "other-key":
        (tmp_path / "rsa.key").write_bytes((tmp_path / "ecdsa.key").read_bytes())
    elif fault == "text":
        (tmp_path / "ecdsa.pem").write_text("hello")
    else:
        write(tmp_path, "ecdsa", RSA)
    with pytest.raises(IsolaneError):
        tls.reload()
    assert tls.context is context
    async with serving(tls) as port:
        client = await connect(port, tmp_path, "ECDHE+ECDSA")
        assert await client.echoes()
        await client.close()
