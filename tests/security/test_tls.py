"""This file checks the TLS contexts over real sockets with a foreign CA (trustme)."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from isolane.core.failures import IsolaneError
from isolane.security.authority import Authority
from isolane.security.tls import (
    Chain,
    ClientTrust,
    charger_context,
    client_context,
    renew_list,
    server_context,
    trust_also,
)
from support.charger_ca import ChargerCa
from support.listening import listening


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

    async with listening(greet, context) as port:
        yield port


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


# Listeners for chargers.

SUITES = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
)
"""What the OCPP documents name, in OpenSSL's words."""


def _all_suites() -> list[str]:
    listed = subprocess.run(
        ["openssl", "ciphers", "-s", "-tls1_2", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"],  # noqa: S607 - the program of this machine
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.strip().split(":") if not name.startswith(("TLS_", "PSK", "SRP", "RSA-PSK"))]


@pytest.fixture
def chains(tmp_path: Path) -> list[Chain]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "two-ca.pem")
    chains = []
    for kind in (trustme.KeyType.RSA, trustme.KeyType.ECDSA):
        leaf = authority.issue_cert("127.0.0.1", key_type=kind)
        chain = Chain(tmp_path / f"{kind.name}.pem", tmp_path / f"{kind.name}.key")
        leaf.cert_chain_pems[0].write_to_path(chain.certificate)
        leaf.private_key_pem.write_to_path(chain.key)
        chains.append(chain)
    return chains


async def _taken(port: int, *arguments: str) -> str:
    """Let the openssl program shake hands; give the suite that was agreed, "" for none."""
    suite = (await _said(port, *arguments)).partition("Cipher is ")[2].partition("\n")[0]
    return "" if suite == "(NONE)" else suite


async def _said(port: int, *arguments: str) -> str:
    """Let the openssl program shake hands and listen to the end; give its words."""
    command = ("openssl", "s_client", "-connect", f"127.0.0.1:{port}", *arguments)
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return said.decode()


async def test_a_charger_finds_exactly_the_suites_that_ocpp_names(chains: list[Chain]) -> None:
    async with _greeter(charger_context(chains)) as port:
        tried = _all_suites()
        assert set(SUITES) < set(tried)
        taken = [await _taken(port, "-tls1_2", "-cipher", f"{name}:@SECLEVEL=0") for name in tried]
        assert {name for name in taken if name} == set(SUITES)
        assert (await _taken(port, "-tls1_3")).startswith("TLS_")
        for old in ("-tls1", "-tls1_1"):
            assert await _taken(port, old, "-cipher", "ALL:@SECLEVEL=0") == ""


async def test_modern_drops_what_falls_with_the_key(chains: list[Chain]) -> None:
    async with _greeter(charger_context(chains, "modern")) as port:
        assert await _taken(port, "-tls1_2", "-cipher", SUITES[0]) == SUITES[0]
        assert await _taken(port, "-tls1_2", "-cipher", SUITES[2]) == ""


async def test_no_session_key_is_logged(chains: list[Chain], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys.log"))
    log = tmp_path / "keys.log"
    async with _greeter(charger_context(chains)) as port:
        assert await _read(port, client_context(tmp_path / "two-ca.pem")) == (b"hello", "TLSv1.3")
        assert not await asyncio.to_thread(log.exists)


async def _is_taken(port: int, context: ssl.SSLContext) -> bool:
    try:
        return (await _read(port, context))[0] == b"hello"
    except (ssl.SSLError, ConnectionError):
        return False


@pytest.mark.parametrize("whole_chain", [False, True])
async def test_a_revoked_charger_is_refused(pki: Pki, tmp_path: Path, *, whole_chain: bool) -> None:
    authority = ChargerCa(tmp_path)
    good, bad = authority.issue("CP1"), authority.issue("CP2")
    trust = ClientTrust(authority.ca, authority.revoke(bad[2]), whole_chain)
    async with _greeter(charger_context([Chain(*pki.server)], "ocpp", trust)) as port:
        assert await _is_taken(port, client_context(pki.ca, *good[:2]))
        assert not await _is_taken(port, client_context(pki.ca, *bad[:2]))
        assert not await _is_taken(port, client_context(pki.ca))


async def test_a_list_out_of_date_lets_nobody_in(pki: Pki, tmp_path: Path) -> None:
    authority = ChargerCa(tmp_path)
    good = authority.issue("CP1")
    trust = ClientTrust(authority.ca, authority.revoke(days=-1))
    async with _greeter(charger_context([Chain(*pki.server)], "ocpp", trust)) as port:
        assert not await _is_taken(port, client_context(pki.ca, *good[:2]))


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
async def test_no_session_outlives_the_list_it_was_checked_against(pki: Pki, tmp_path: Path, version: str) -> None:
    authority = ChargerCa(tmp_path)
    chain, key, serial = authority.issue("CP1")
    session = str(tmp_path / "session")
    own = (version, "-ign_eof", "-cert", str(chain), "-key", str(key))
    trust = ClientTrust(authority.ca, authority.revoke())
    async with _greeter(charger_context([Chain(*pki.server)], "ocpp", trust)) as port:
        assert "hello" in await _said(port, *own, "-sess_out", session)
    trust = ClientTrust(authority.ca, authority.revoke(serial))
    async with _greeter(charger_context([Chain(*pki.server)], "ocpp", trust)) as port:
        said = await _said(
            port, *own, *(("-sess_in", session) if await asyncio.to_thread(Path(session).exists) else ())
        )
        assert "hello" not in said


async def test_a_listener_goes_by_the_newer_list_from_then_on(pki: Pki, tmp_path: Path) -> None:
    """A TLS 1.2 session may be taken up again all the same: who renews a list also asks each peer's serial number."""
    others, gateways = ChargerCa(tmp_path), Authority(tmp_path / "gateways")
    gateways.create("north")
    good, bad = (gateways.issue(name, common_name=name) for name in ("gw-1", "gw-2"))
    context = server_context(*pki.server, others.ca, others.revoke())
    trust_also(context, gateways.certificate, gateways.revocations)
    session, own = tmp_path / "session", ("-tls1_3", "-ign_eof", "-cert", str(bad.certificate), "-key", str(bad.key))
    elsewhere = others.issue("CP1")
    async with _greeter(context) as port:
        assert "hello" in await _said(port, *own, "-sess_out", str(session))
        for _ in range(2):  # the second time within the same second as the first
            gateways.revoke_serials([1])
        gateways.revoke(bad.certificate)
        renew_list(context, gateways.revocations)
        again = ("-sess_in", str(session)) if await asyncio.to_thread(session.exists) else ()
        assert "hello" not in await _said(port, *own, *again)
        assert not await _is_taken(port, client_context(pki.ca, bad.certificate, bad.key))
        assert await _is_taken(port, client_context(pki.ca, good.certificate, good.key))
        assert await _is_taken(port, client_context(pki.ca, *elsewhere[:2]))


def test_a_list_that_is_none_is_said(pki: Pki, tmp_path: Path) -> None:
    huge, text = tmp_path / "huge.pem", tmp_path / "text.pem"
    huge.write_bytes(b"")
    with huge.open("r+b") as file:
        file.truncate(50 * 1024 * 1024)
    text.write_text("hello")
    for crl, said in ((huge, "is larger than"), (text, "revocation list"), (pki.ca, "revocation list")):
        with pytest.raises(IsolaneError, match=said):
            charger_context([Chain(*pki.server)], "ocpp", ClientTrust(pki.ca, crl))
