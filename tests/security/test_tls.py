"""This file checks the TLS contexts over real sockets with a foreign CA (trustme)."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from isolane.core.failures import IsolaneError
from isolane.security.tls import client_context, server_context


class Pki:
    """Files of a CA, a server for 127.0.0.1 and a client, all made by trustme."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.ca = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca))
        self.server = self._write(folder, "server", authority.issue_cert("127.0.0.1"))
        self.client = self._write(folder, "client", authority.issue_cert(common_name="gw-1"))

    @staticmethod
    def _write(folder: Path, name: str, leaf: trustme.LeafCert) -> tuple[Path, Path]:
        chain, key = folder / f"{name}.pem", folder / f"{name}.key"
        chain.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
        leaf.private_key_pem.write_to_path(str(key))
        return chain, key


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    return Pki(tmp_path)


@asynccontextmanager
async def _greeter(context: ssl.SSLContext) -> AsyncIterator[int]:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _read(port: int, context: ssl.SSLContext) -> tuple[bytes, str | None]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    try:
        data = await reader.read()
        version: str | None = writer.get_extra_info("ssl_object").version()
    finally:
        writer.close()
    return data, version


async def test_both_ends_speak_tls_1_3(pki: Pki) -> None:
    async with _greeter(server_context(*pki.server)) as port:
        assert await _read(port, client_context(pki.ca)) == (b"hello", "TLSv1.3")


async def test_a_listener_with_a_client_ca_takes_only_those_who_show_a_certificate(pki: Pki) -> None:
    async with _greeter(server_context(*pki.server, pki.ca)) as port:
        assert (await _read(port, client_context(pki.ca, *pki.client)))[0] == b"hello"
        # With TLS 1.3 the client learns of its refusal only after its own handshake is done.
        try:
            answer, _ = await _read(port, client_context(pki.ca))
        except (ssl.SSLError, ConnectionError):
            answer = b""
        assert answer == b""


async def test_a_peer_of_another_ca_is_refused(pki: Pki, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    stranger = Pki(tmp_path / "other")
    async with _greeter(server_context(*pki.server)) as port:
        with pytest.raises(ssl.SSLCertVerificationError):
            await _read(port, client_context(stranger.ca))


async def test_tls_1_1_is_refused(pki: Pki) -> None:
    old = client_context(pki.ca)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = ssl.TLSVersion.TLSv1_1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    async with _greeter(server_context(*pki.server)) as port:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await _read(port, old)


def test_every_file_that_does_not_fit_is_named(pki: Pki, tmp_path: Path) -> None:
    absent, empty = tmp_path / "absent.pem", tmp_path / "empty.pem"
    empty.touch()
    with pytest.raises(IsolaneError, match=r"absent\.pem"):
        server_context(absent, pki.server[1])
    with pytest.raises(IsolaneError, match="unencrypted key"):
        server_context(pki.server[0], pki.client[1])
    with pytest.raises(IsolaneError, match=r"empty\.pem holds no PEM certificate"):
        client_context(empty)
    with pytest.raises(IsolaneError, match="both"):
        client_context(pki.ca, certificate=pki.client[0])
