"""This file checks over real sockets and real TLS who comes in, and that who does not never reaches the CSMS."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from isolane.security.tls import client_context
from isolane.value.access.credentials import protect, write_verifiers
from support.charger_ca import ChargerCa
from support.raw_peer import Peer, RawCsms, ask, end, raw_csms, request
from support.relay import Relay, relaying

RAW = bytes(range(0xEC, 0x100))
"""A password of 1.6: 20 bytes that are no UTF-8."""
PLAIN = '[[value.listen]]\naddress = "127.0.0.1:0"\npath = "/ocpp"\n'
VERIFY = '[value.access]\nauth = "verify"\ncredentials = "credentials"\n'


def basic(user: str, password: bytes) -> str:
    return "Authorization: Basic " + base64.b64encode(user.encode() + b":" + password).decode()


async def answer(port: int, charger: str, *fields: str, context: ssl.SSLContext | None = None) -> bytes:
    """Ask once and leave; give the whole answer's head, b"" where TLS did not come about."""
    name = "127.0.0.1" if context else None
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
    except (ssl.SSLError, ConnectionError):
        return b""
    writer.write(request(f"/ocpp/{charger}", *fields))
    try:
        async with asyncio.timeout(10):
            return await reader.readuntil(b"\r\n\r\n")
    except (ssl.SSLError, ConnectionError, asyncio.IncompleteReadError):
        return b""
    finally:
        await end(writer)


async def status(port: int, charger: str, *fields: str, context: ssl.SSLContext | None = None) -> int:
    head = await answer(port, charger, *fields, context=context)
    return int(head.split(b" ")[1]) if head else 0


@asynccontextmanager
async def site(folder: Path, listen: str) -> AsyncIterator[tuple[Relay, RawCsms]]:
    async with raw_csms() as csms, relaying(folder, f'url = "ws://127.0.0.1:{csms.port}"', listen=listen) as relay:
        yield relay, csms


@pytest.fixture
def credentials(tmp_path: Path) -> Path:
    write_verifiers(tmp_path / "credentials", {"CP1": protect(RAW), "CP2": protect(b"another-password")})
    return tmp_path


async def test_a_right_password_passes_and_nothing_else_reaches_the_csms(credentials: Path) -> None:
    wrong = [
        (),
        ("Authorization:",),
        ("Authorization: Basic",),
        ("Authorization: Basic !!!",),
        ("Authorization: Basic Og==",),
        ("Authorization: Bearer x",),
        (basic("CP1", RAW).replace("Basic", "basic"),),
        (basic("CP1", RAW) + ", Basic eDp5",),
        (basic("CP2", RAW),),
        (basic("cp1", RAW),),
        (basic("CP1", RAW[:-1]),),
    ]
    async with site(credentials, PLAIN + VERIFY) as (relay, csms):
        for fields in wrong:
            head = await answer(relay.ports[0], "CP1", *fields)
            assert head.startswith(b"HTTP/1.1 401 "), fields
            assert b'\r\nWWW-Authenticate: Basic realm="ocpp"\r\n' in head
        assert csms.heads == []
        assert await status(relay.ports[0], "CP1", basic("CP1", RAW)) == 101
        assert [basic("CP1", RAW).encode() in head for head in csms.heads] == [True]
        await relay.until_metric('isolane_value_security_events_total{type="authentication"}', len(wrong))
    told = "".join(relay.log)
    assert all(secret not in told for secret in (basic("CP1", RAW)[22:], RAW.hex(), "eDp5"))


async def test_an_unknown_identity_is_told_the_same_as_a_wrong_password(credentials: Path) -> None:
    async with site(credentials, PLAIN + VERIFY) as (relay, csms):
        wrong = await answer(relay.ports[0], "CP1", basic("CP1", b"wrong"))
        unknown = await answer(relay.ports[0], "CP9", basic("CP9", b"wrong"))
        assert wrong == unknown
        assert csms.heads == []


async def test_the_allow_list_is_told_to_those_alone_who_have_a_password(credentials: Path) -> None:
    async with raw_csms() as csms:
        url = f'url = "ws://127.0.0.1:{csms.port}"'
        async with relaying(credentials, url, value='allow = ["CP1"]', listen=PLAIN + VERIFY) as relay:
            assert await status(relay.ports[0], "CP2", basic("CP2", b"wrong")) == 401
            assert await status(relay.ports[0], "CP9", basic("CP9", b"wrong")) == 401
            assert await status(relay.ports[0], "CP2", basic("CP2", b"another-password")) == 404
            assert csms.heads == []
            assert await status(relay.ports[0], "CP1", basic("CP1", RAW)) == 101


async def test_guessing_is_bounded_and_shuts_out_only_the_one_who_guesses(credentials: Path) -> None:
    async def from_elsewhere(relay: Relay) -> Peer:
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.ports[0], local_addr=("127.0.0.2", 0))
        writer.write(request("/ocpp/CP1", basic("CP1", RAW)))
        return Peer(await reader.readuntil(b"\r\n\r\n"), reader, writer)

    async with site(credentials, PLAIN + VERIFY) as (relay, csms):
        said = [await status(relay.ports[0], "CP1", basic("CP1", b"%d" % number)) for number in range(40)]
        assert said == [401] * 5 + [429] * 35
        assert await status(relay.ports[0], "CP2", basic("CP2", b"another-password")) == 429
        at_once = await asyncio.gather(*(status(relay.ports[0], "CP1", basic("CP1", b"x")) for _ in range(50)))
        assert at_once == [429] * 50
        charger = await from_elsewhere(relay)
        assert charger.head.startswith(b"HTTP/1.1 101 ")
        await end(charger.writer)
        assert len(csms.heads) == 1
        await relay.until_metric('isolane_value_security_events_total{type="throttled"}', 86)
    told = [line.partition("type=")[2].split()[0] for line in relay.log if "security-event " in line]
    assert told == ["authentication", "throttled"]


async def test_many_at_once_are_no_way_around_the_bound(credentials: Path) -> None:
    async with site(credentials, PLAIN + VERIFY) as (relay, _):
        said = await asyncio.gather(*(status(relay.ports[0], "CP1", basic("CP1", b"x")) for _ in range(60)))
        assert sorted(said) == [401] * 5 + [429] * 55


async def test_for_many_who_come_at_once_the_csms_is_asked_once(credentials: Path) -> None:
    async with raw_csms() as csms:
        url = f'url = "ws://127.0.0.1:{csms.port}"'
        async with relaying(credentials, url, value='duplicates = "refuse"', listen=PLAIN + VERIFY) as relay:
            right = request("/ocpp/CP1", basic("CP1", RAW))
            peers = await asyncio.gather(*(ask(relay.ports[0], right) for _ in range(8)))
            assert sorted(peer.head.split(b" ")[1] for peer in peers) == [b"101"] + [b"409"] * 7
            assert len(csms.heads) == 1
            for peer in peers:
                await end(peer.writer)


async def test_another_users_password_at_many_identities_is_guessing_too(credentials: Path) -> None:
    async with site(credentials, PLAIN + VERIFY) as (relay, csms):
        said = [await status(relay.ports[0], f"ID-{number}", basic("CP1", b"x")) for number in range(20)]
        assert said == [401] * 5 + [429] * 15
        assert csms.heads == []


async def test_profile_1_demands_a_password_and_lets_the_csms_judge_it(tmp_path: Path) -> None:
    async with site(tmp_path, PLAIN + "profile = 1\n") as (relay, csms):
        assert await status(relay.ports[0], "CP1") == 401
        assert await status(relay.ports[0], "CP1", basic("CP2", b"x")) == 401
        assert csms.heads == []
        assert await status(relay.ports[0], "CP1", basic("CP1", b"x")) == 101
        assert basic("CP1", b"x").encode() in csms.heads[0]


class Tls:
    """Files for a listener with client certificates, and what chargers need to reach it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        server = trustme.CA()
        self.trust = folder / "server-ca.pem"
        server.cert_pem.write_to_path(self.trust)
        leaf = server.issue_cert("127.0.0.1", key_type=trustme.KeyType.ECDSA)
        leaf.cert_chain_pems[0].write_to_path(folder / "server.pem")
        leaf.private_key_pem.write_to_path(folder / "server.key")
        self.chargers = ChargerCa(folder)

    def context(self, name: str | None = None, organisation: str = "North", *, is_ca: bool = False) -> ssl.SSLContext:
        if name is None:
            return client_context(self.trust)
        return client_context(self.trust, *self.chargers.issue(name, organisation, is_ca=is_ca)[:2])


@pytest.fixture
def tls(tmp_path: Path) -> Tls:
    return Tls(tmp_path)


WSS = PLAIN + 'certificate = "server.pem"\nkey = "server.key"\n'
MUTUAL = WSS + 'client_ca = "chargers.pem"\n'


async def test_a_certificate_opens_for_its_own_identity_only(tmp_path: Path, tls: Tls) -> None:
    revoked = tls.chargers.issue("CP-STOLEN")
    tls.chargers.revoke(revoked[2])
    stranger = Tls(tmp_path / "other")
    access = '[value.access]\norganisation = "North"\n[value.access.serials]\nwest = "SN-1"\neast = "SN-1"\n'
    async with site(tmp_path, MUTUAL + 'profile = 3\ncrl = "crl.pem"\n' + access) as (relay, csms):
        port = relay.ports[0]
        own, serial = tls.context("CP1"), tls.context("SN-1")
        assert await status(port, "CP1", context=own) == 101
        assert await status(port, "west", context=serial) == 101
        assert len(csms.heads) == 2
        for charger, context in (
            ("CP2", own),
            ("cp1", own),
            ("east", serial),
            ("CP1", tls.context("CP1", "South")),
            ("CP1", tls.context("CP1", is_ca=True)),
        ):
            assert await status(port, charger, context=context) == 403
        await relay.until_metric('isolane_value_security_events_total{type="certificate"}', 5)
        for context in (
            tls.context(),
            client_context(tls.trust, *revoked[:2]),
            client_context(tls.trust, *stranger.chargers.issue("CP1")[:2]),
        ):
            assert await status(port, "CP1", context=context) == 0
        assert await status(port, "CP1") == 0
        await relay.until_metric('isolane_value_security_events_total{type="tls"}', 4)
        assert len(csms.heads) == 2


async def test_a_profile_is_never_lowered_from_the_network(tmp_path: Path, tls: Tls) -> None:
    listen = MUTUAL + WSS + PLAIN + '[value.access]\nstate_dir = "state"\n'
    with_password = basic("CP3", b"x")
    async with site(tmp_path, listen) as (relay, csms):
        mutual, wss, plain = relay.ports
        assert await status(plain, "CP3") == 101
        assert await status(mutual, "CP3", context=tls.context("CP3")) == 101
        assert await status(wss, "CP3", with_password, context=tls.context()) == 403
        assert await status(plain, "CP3", with_password) == 403
        assert await status(plain, "CP3") == 403
        assert await status(plain, "CP4") == 101
        assert len(csms.heads) == 3
        await relay.until_metric('isolane_value_security_events_total{type="profile"}', 3)
    async with site(tmp_path, listen) as (relay, csms):
        assert await status(relay.ports[2], "CP3", with_password) == 403
        assert csms.heads == []


async def test_who_the_csms_refuses_raises_no_profile(tmp_path: Path, tls: Tls) -> None:
    listen = WSS + PLAIN + '[value.access]\nstate_dir = "state"\n'
    async with raw_csms(lambda _: b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n") as csms:  # noqa: SIM117 - line length
        async with relaying(tmp_path, f'url = "ws://127.0.0.1:{csms.port}"', listen=listen) as relay:
            assert await status(relay.ports[0], "CP1", basic("CP1", b"x"), context=tls.context()) == 401
    assert list((tmp_path / "state").iterdir()) == []
    async with site(tmp_path, listen) as (relay, _):
        assert await status(relay.ports[1], "CP1") == 101
