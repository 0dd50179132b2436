"""This file checks that keys, lists, passwords and profiles change by SIGHUP under connections that do not notice."""

import asyncio
import base64
import signal
import ssl
from pathlib import Path

import trustme

from isolane.cli import main
from isolane.security.tls import client_context
from isolane.value.access.credentials import protect, write_verifiers
from support.charger_ca import ChargerCa
from support.raw_peer import TEXT, Peer, ask, close_code, end, frame, raw_csms, request
from support.relay import Relay, relaying

MASK = b"\x11\x22\x33\x44"
PLAIN = '[[value.listen]]\naddress = "127.0.0.1:0"\npath = "/ocpp"\n'
MUTUAL = PLAIN + 'certificate = "listener.pem"\nkey = "listener.key"\nclient_ca = "chargers.pem"\ncrl = "crl.pem"\n'


def issue(ca: trustme.CA, folder: Path, name: str) -> None:
    """Write a server's chain and key."""
    leaf = ca.issue_cert("127.0.0.1", key_type=trustme.KeyType.ECDSA)
    leaf.cert_chain_pems[0].write_to_path(folder / f"{name}.pem")
    leaf.private_key_pem.write_to_path(folder / f"{name}.key")


async def reload(relay: Relay, count: int) -> None:
    relay.process.send_signal(signal.SIGHUP)
    await relay.until_log("reloaded ", count)


async def passes(charger: Peer, csms: Peer) -> None:
    """See that a frame of the charger reaches the CSMS as it is."""
    hello = frame(TEXT, b"still there", mask=MASK)
    charger.writer.write(hello)
    async with asyncio.timeout(30):
        assert await csms.reader.readexactly(len(hello)) == hello


def shown_by(peer: Peer) -> bytes:
    certificate: bytes = peer.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    return certificate


async def is_let_in(port: int, charger: str, context: ssl.SSLContext | None, *fields: str) -> bool:
    reader = writer = None
    try:
        name = "127.0.0.1" if context else None
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
        writer.write(request(f"/ocpp/{charger}", *fields))
        async with asyncio.timeout(10):
            return b" 101 " in await reader.readuntil(b"\r\n\r\n")
    except (ssl.SSLError, ConnectionError, asyncio.IncompleteReadError):
        return False
    finally:
        if writer is not None:
            await end(writer)


async def test_a_listener_is_renewed_and_a_charger_revoked(tmp_path: Path) -> None:
    ca, chargers = trustme.CA(), ChargerCa(tmp_path)
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    issue(ca, tmp_path, "listener")
    good, stolen = chargers.issue("CP1"), chargers.issue("CP2")
    chargers.revoke()
    own, thief = (client_context(tmp_path / "ca.pem", *each[:2]) for each in (good, stolen))
    async with raw_csms() as csms, relaying(tmp_path, f'url = "ws://127.0.0.1:{csms.port}"', listen=MUTUAL) as relay:
        port = relay.ports[0]
        old = await ask(port, request("/ocpp/CP1"), own)
        old_above = await csms.accepted()
        inside = await ask(port, request("/ocpp/CP2"), thief)
        issue(ca, tmp_path, "listener")
        chargers.revoke(stolen[2])
        await reload(relay, 1)
        async with asyncio.timeout(30):
            assert close_code(await inside.reader.read()) == 1001
        await end(inside.writer)
        await relay.until_log('peer=127.0.0.1 charger=CP2 detail="revoked while connected"')
        assert not await is_let_in(port, "CP2", thief)
        await passes(old, old_above)
        chargers.issue("CP3")
        new = await ask(port, request("/ocpp/CP3"), client_context(tmp_path / "ca.pem", *chargers.issue("CP3")[:2]))
        assert shown_by(new) != shown_by(old)
        (tmp_path / "listener.key").write_text("half a")
        await reload(relay, 2)
        assert await relay.metric('isolane_value_security_events_total{type="reload"}') == 1
        assert await is_let_in(port, "CP4", client_context(tmp_path / "ca.pem", *chargers.issue("CP4")[:2]))
        await passes(old, old_above)
        await end(old.writer)
        await end(new.writer)
        relay.log[:] = [line for line in relay.log if "reload-failed" not in line]


async def test_a_retrofit_charger_is_renewed_by_the_command_line(tmp_path: Path) -> None:
    ca, chargers = trustme.CA(), ChargerCa(tmp_path)
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(chargers.ca))
    ca.issue_cert("127.0.0.1").configure_cert(context)
    context.verify_mode = ssl.CERT_REQUIRED

    def renew() -> None:
        folder = str(tmp_path / "held")
        assert main.main(["identity", "issue", "CP1", "--dir", folder]) == 0
        signed = chargers.sign(tmp_path / "held/CP1.csr")
        words = ["identity", "import", "CP1", str(signed), "--ca", str(chargers.ca), "--dir", folder]
        assert main.main(words) == 0

    await asyncio.to_thread(renew)
    entry = '[[value.retrofit]]\ncharger = "CP1"\ncertificate = "held/CP1.pem"\nkey = "held/CP1.key"\n'
    async with raw_csms(context=context) as csms:
        url = f'url = "wss://127.0.0.1:{csms.port}"\nca = "ca.pem"'
        # The newcomer takes the place of the old one, so that both can be looked at.
        value = 'duplicates = "newest-if-authenticated"'
        async with relaying(tmp_path, url, value=value, listen=PLAIN + 'auth = "replace"\n' + entry) as relay:
            old = await ask(relay.ports[0], request("/ocpp/CP1"))
            above = await csms.accepted()
            await asyncio.to_thread(renew)
            await reload(relay, 1)
            await passes(old, above)
            new = await ask(relay.ports[0], request("/ocpp/CP1"))
            assert shown_by(await csms.accepted()) != shown_by(above)
            await end(old.writer)
            await end(new.writer)


async def test_passwords_and_profiles_change_by_hand(tmp_path: Path) -> None:
    def field(password: bytes) -> str:
        return "Authorization: Basic " + base64.b64encode(b"CP1:" + password).decode()

    write_verifiers(tmp_path / "credentials", {"CP1": protect(b"old")})
    access = '[value.access]\nauth = "verify"\ncredentials = "credentials"\nstate_dir = "state"\n'
    async with raw_csms() as csms:
        url = f'url = "ws://127.0.0.1:{csms.port}"'
        async with relaying(tmp_path, url, listen=PLAIN + access) as relay:
            port = relay.ports[0]
            assert await is_let_in(port, "CP1", None, field(b"old"))
            write_verifiers(tmp_path / "credentials", {"CP1": protect(b"new")})
            lift = ["identity", "profile", "CP1", "--state", str(tmp_path / "state"), "--set"]
            assert main.main([*lift, "2"]) == 0
            await reload(relay, 1)
            assert not await is_let_in(port, "CP1", None, field(b"old"))
            assert not await is_let_in(port, "CP1", None, field(b"new")), "profile 2 is kept"
            assert main.main([*lift, "1"]) == 0
            await reload(relay, 2)
            assert await is_let_in(port, "CP1", None, field(b"new"))
