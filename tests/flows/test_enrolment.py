"""This file takes a box from a code to a lock-out: center, broker and box as the command line makes them.

It guards that a revoked gateway is out of both ways within seconds, live connections included, and others stay.
"""

import asyncio
import contextlib
import http.client
import io
import socket
import sqlite3
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import aiomqtt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from isolane.cli import main
from isolane.security.authority import Authority, Identity
from isolane.security.enrolment_code import EnrolmentCode
from isolane.security.tls import client_context, server_context
from isolane.wire.mqtt_session import MqttSession, held
from support.broker import MOSQUITTO, free_port
from support.center_process import CenterProcess

pytestmark = pytest.mark.broker

_BOUND_S = 20.0
"""A lock-out is done in about a second; a machine that is busy with other tests takes longer."""
_CENTER = """
[center]
data = "data"
console = "127.0.0.1:0"

[center.https]
address = "127.0.0.1:{ingest}"
certificate = "pki/ingest.pem"
key = "pki/ingest.key"
client_ca = "pki/ca.pem"
crl = "pki/revoked.pem"

[center.mqtt]
host = "127.0.0.1"
port = {center}
ca = "pki/ca.pem"
certificate = "pki/center.pem"
key = "pki/center.key"

[center.enrolment]
address = "127.0.0.1:{enrolment}"
issuer = "gateways"
server_ca = "pki/ca.pem"
ends_sessions = true
broker_pid_file = "broker/mosquitto.pid"
"""
_SITE = """
[site]
name = "north"
gateway = "gw-1"
run_dir = "run"

[[renewal.legs]]
leg = "health"
folder = "gw-1/health"
url = "https://127.0.0.1:{ingest}"

[[renewal.legs]]
leg = "value"
folder = "gw-1/value"
url = "https://127.0.0.1:{ingest}"

[[renewal.legs]]
leg = "receipt"
folder = "gw-1/receipt"
url = "https://127.0.0.1:{ingest}"
label = "receipt"
shown = "gw-1/health"
"""


@dataclass(frozen=True)
class World:
    """A center with a broker; ports are where gateways come."""

    folder: Path
    pki: Authority
    center: CenterProcess
    ingest: int
    enrolment: int
    broker: int
    broker_center: int

    def identity(self, gateway: str, leg: str = "health") -> Identity:
        current = self.folder / gateway / leg / "current"
        return Identity(current / "chain.pem", current / "key.pem")

    def run(self, *words: str) -> int:
        return main.main(["center", *words, "-c", str(self.folder / "site.toml")])

    def code(self, capsys: pytest.CaptureFixture[str], gateway: str, *more: str) -> str:
        capsys.readouterr()
        assert self.run("gateway", "add", gateway, *more) == 0
        return _shown(capsys.readouterr().out)

    def enrol(self, code: str, gateway: str, *more: str) -> int:
        where = ("--center", f"https://127.0.0.1:{self.enrolment}", "--dir", str(self.folder / gateway))
        return main.main(["enrol", *where, "--gateway", gateway, "--code", code, *more])

    def post(self, gateway: str, identity: Identity) -> int:
        """Post something as a gateway; give the status."""
        with contextlib.closing(self.connect(identity)) as connection:
            return _post(connection, gateway)

    def connect(self, identity: Identity) -> http.client.HTTPSConnection:
        context = client_context(self.pki.certificate, identity.certificate, identity.key)
        return http.client.HTTPSConnection("127.0.0.1", self.ingest, timeout=10, context=context)


def _post(connection: http.client.HTTPSConnection, gateway: str) -> int:
    connection.request("POST", f"/ingest/v1/north/{gateway}/schema", b'{"version":1,"columns":[]}')
    response = connection.getresponse()
    response.read()
    return response.status


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    pki = Authority(folder / "pki")
    pki.create("north")
    for name in ("ingest", "broker"):
        pki.issue(name, common_name="127.0.0.1", hosts=["127.0.0.1"])
    pki.issue("center", common_name="center")
    ingest, enrolment, gateways, center_port = (free_port() for _ in range(4))
    center = CenterProcess(folder, _CENTER.format(ingest=ingest, enrolment=enrolment, center=center_port))
    made = World(folder, pki, center, ingest, enrolment, gateways, center_port)
    assert made.run("gateway", "begin") == 0
    words = ("--certificate", str(folder / "pki/broker.pem"), "--key", str(folder / "pki/broker.key"))
    assert made.run("broker-config", str(folder / "broker"), "--gateways", f"127.0.0.1:{gateways}", *words) == 0
    (folder / "gw.toml").write_text(_SITE.format(ingest=ingest), encoding="utf-8")
    log = (folder / "mosquitto.log").open("ab")
    broker = subprocess.Popen([MOSQUITTO, "-c", folder / "broker/mosquitto.conf"], stdout=log, stderr=log)
    try:
        center.start()
        _wait(lambda: "mqtt-up" in center.log(), center.log)
        yield made
        assert center.stop() == 0, center.log()
        assert "Traceback" not in center.log()
    finally:
        center.end()
        broker.kill()
        broker.wait()
        log.close()


def _wait(is_so: Callable[[], bool], said: Callable[[], str]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline, said()
        time.sleep(0.02)


@pytest.fixture(scope="module")
def enrolled(world: World) -> World:
    """gw-1, gw-2 and gw-3 are enrolled."""
    for gateway in ("gw-1", "gw-2", "gw-3"):
        with contextlib.redirect_stdout(io.StringIO()) as said:
            assert world.run("gateway", "add", gateway) == 0
        assert world.enrol(_shown(said.getvalue()), gateway) == 0
    return world


def _shown(said: str) -> str:
    """Give the code that was printed."""
    return next(line.strip() for line in said.splitlines() if line.startswith("  "))


def test_three_keys_get_three_certificates_that_openssl_takes_for_their_purpose_alone(enrolled: World) -> None:
    issuer = enrolled.folder / "gateways/ca.pem"
    keys = set()
    for leg, name, purposes in (
        ("health", "gw-1", True),
        ("value", "gw-1:value", True),
        ("receipt", "gw-1:receipt", False),
    ):
        identity = enrolled.identity("gw-1", leg)
        keys.add(identity.key.read_bytes())
        assert identity.key.stat().st_mode & 0o777 == 0o600
        verify = ("openssl", "verify", "-x509_strict", "-CAfile", issuer, "-purpose")
        for purpose, holds in (("sslclient", purposes), ("sslserver", False)):
            done = subprocess.run((*verify, purpose, identity.certificate), capture_output=True, check=False)
            assert (done.returncode == 0) is holds, (leg, purpose, done)
        shown = ("openssl", "x509", "-noout", "-subject", "-nameopt", "RFC2253", "-in", identity.certificate)
        assert f"CN={name},O=isolane" in subprocess.run(shown, capture_output=True, text=True, check=True).stdout
        trust = (identity.certificate.parent / "trust.pem").read_bytes()
        assert trust == enrolled.pki.certificate.read_bytes(), "servers are trusted by the operator's CA alone"
    assert len(keys) == 3


def test_only_channel_b_gets_in_and_only_as_itself(enrolled: World) -> None:
    assert enrolled.post("gw-1", enrolled.identity("gw-1")) == 200
    assert enrolled.post("gw-2", enrolled.identity("gw-1")) == 403
    for name in ("gw-1", "gw-1:value"):
        assert enrolled.post(name, enrolled.identity("gw-1", "value")) == 403
    with pytest.raises((OSError, http.client.HTTPException)):
        enrolled.post("gw-1", enrolled.identity("gw-1", "receipt"))


def test_a_code_is_good_once_for_one_box_and_one_name(
    enrolled: World, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code = enrolled.code(capsys, "gw-8")
    where = ("enrol", "--center", f"https://127.0.0.1:{enrolled.enrolment}", "--code", code)
    first = (*where, "--gateway", "gw-8", "--dir", str(tmp_path / "first"), "--leg", "health")
    assert main.main([*where, "--gateway", "gw-9", "--dir", str(tmp_path / "other"), "--leg", "health"]) == 2
    assert main.main(list(first)) == 0
    assert main.main([*where, "--gateway", "gw-8", "--dir", str(tmp_path / "thief"), "--leg", "health"]) == 2
    assert "has served another key" in capsys.readouterr().err
    with contextlib.closing(sqlite3.connect(enrolled.folder / "data/catalogue.sqlite3")) as database:
        dump = "\n".join(database.iterdump())
    secret = EnrolmentCode.parse(code).secret
    assert secret.hex() not in dump.lower()
    assert code not in dump
    with contextlib.closing(sqlite3.connect(enrolled.folder / "data/catalogue.sqlite3")) as database:
        lines = set(database.execute("SELECT who, what, subject, address FROM audit WHERE subject LIKE 'gw-8%'"))
    assert ("gateway:gw-8", "gateway-enrolled", "gw-8 health", "127.0.0.1") in lines
    assert any(what == "enrolment-code-given" and who.startswith("terminal:") for who, what, *_ in lines)


def test_nothing_is_sent_to_who_is_not_the_one_in_the_code(
    enrolled: World, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    stranger = Authority(tmp_path / "pki")
    stranger.create("stranger")
    made = stranger.issue("server", common_name="127.0.0.1", hosts=["127.0.0.1"])
    context = server_context(made.certificate, made.key)
    code = enrolled.code(capsys, "gw-7")
    heard = []

    def listen(listener: socket.socket) -> None:
        plain, _ = listener.accept()
        with contextlib.suppress(OSError), context.wrap_socket(plain, server_side=True) as tls:
            heard.append(tls.recv(1000))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=listen, args=(listener,))
        thread.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        words = ["enrol", "--center", url, "--gateway", "gw-7", "--code", code, "--dir", str(tmp_path / "box")]
        assert main.main(words) == 2
        thread.join()
    assert "is not who this code is for" in capsys.readouterr().err
    assert heard in ([], [b""])


def test_a_renewed_certificate_is_used_by_the_next_connection_and_the_one_that_lives_goes_on(enrolled: World) -> None:
    file, identity = enrolled.folder / "gw.toml", enrolled.identity("gw-1")
    legs = [enrolled.identity("gw-1", leg).certificate for leg in ("health", "value", "receipt")]
    before = [leg.read_bytes() for leg in legs]
    with contextlib.closing(enrolled.connect(identity)) as lives:
        assert _post(lives, "gw-1") == 200
        assert main.main(["renew", "-c", str(file)]) == 0
        assert [leg.read_bytes() for leg in legs] == before, "not due for two months"
        assert main.main(["renew", "-c", str(file), "--now"]) == 0
        assert not set(before) & {leg.read_bytes() for leg in legs}
        assert _post(lives, "gw-1") == 200
    assert enrolled.post("gw-1", identity) == 200


async def test_a_gateway_speaks_for_itself_alone_at_the_broker(enrolled: World) -> None:
    async with _session(enrolled, "gw-2") as mine, _session(enrolled, "gw-1") as other, _center(enrolled) as center:
        for topic in ("isolane/north/gw-1/dn/#", "isolane/+/+/dn/#", "isolane/+/+/up/#", "#"):
            await mine.subscribe(topic, qos=1)
        await other.subscribe("isolane/north/gw-1/dn/#", qos=1)
        await center.subscribe("isolane/+/+/up/#", qos=1)
        for topic in ("isolane/north/gw-1/up/block", "isolane/north/gw-1/dn/cmd", "isolane/north/gw-2/dn"):
            with contextlib.suppress(aiomqtt.MqttError):
                await mine.publish(topic, b"forged", qos=1)
        await other.publish("isolane/north/gw-1/up/block", b"true", qos=1)
        await center.publish("isolane/north/gw-1/dn/cmd", b"for gw-1", qos=1)
        await center.publish("isolane/north/gw-2/dn", b"for gw-2", qos=1)
        async with asyncio.timeout(_BOUND_S):
            up, down, own = await anext(center.messages), await anext(other.messages), await anext(mine.messages)
    assert (up.payload, down.payload, own.payload) == (b"true", b"for gw-1", b"for gw-2")


async def test_a_stolen_issuing_key_makes_gateways_and_never_the_center(enrolled: World, tmp_path: Path) -> None:
    issuer = Authority(enrolled.folder / "gateways")
    forged = _forged(issuer, "center", tmp_path)
    async with _open(enrolled, forged, enrolled.broker, "x") as session, _session(enrolled, "gw-1") as other:
        await session.subscribe("isolane/+/+/up/#", qos=1)
        await other.subscribe("isolane/north/gw-1/dn/#", qos=1)
        with contextlib.suppress(aiomqtt.MqttError):
            await session.publish("isolane/north/gw-1/dn/cmd", b"forged", qos=1)
        async with _center(enrolled) as center:
            await center.publish("isolane/north/gw-1/dn/cmd", b"true", qos=1)
        async with asyncio.timeout(_BOUND_S):
            assert (await anext(other.messages)).payload == b"true"
    with pytest.raises(aiomqtt.MqttError):
        async with _open(enrolled, forged, enrolled.broker_center, "isolane-center"):
            pass


async def test_nobody_else_and_nothing_else_gets_in(enrolled: World) -> None:
    anonymous = client_context(enrolled.pki.certificate)
    for port in (enrolled.broker, enrolled.broker_center):
        with pytest.raises(aiomqtt.MqttError):
            async with held(MqttSession("127.0.0.1", port, tls_context=anonymous, username="gw-1", password="x")):
                pass
    async with _session(enrolled, "gw-1") as session:
        with contextlib.suppress(aiomqtt.MqttError):
            await session.publish("isolane/north/gw-1/up/block", b"kept", qos=1, retain=True, timeout=5)
        with pytest.raises(aiomqtt.MqttError):
            await session.publish("isolane/north/gw-1/up/block", b"and on", qos=1, timeout=5)
    async with _session(enrolled, "gw-1") as session:
        with contextlib.suppress(aiomqtt.MqttError):
            await session.publish("isolane/north/gw-1/up/block", bytes(1_200_000), qos=1, timeout=5)
        with pytest.raises(aiomqtt.MqttError):
            await session.publish("isolane/north/gw-1/up/block", b"and on", qos=1, timeout=5)
    assert enrolled.post("gw-1", enrolled.identity("gw-1")) == 200


async def test_who_is_locked_out_is_out_of_both_ways_and_others_stay(
    enrolled: World, capsys: pytest.CaptureFixture[str]
) -> None:
    code = await asyncio.to_thread(enrolled.code, capsys, "gw-3", "--leg", "health")
    async with _session(enrolled, "gw-2") as bystander:
        async with contextlib.AsyncExitStack() as stack:
            revoked = await stack.enter_async_context(_session(enrolled, "gw-3"))
            https = stack.enter_context(contextlib.closing(enrolled.connect(enrolled.identity("gw-3"))))
            stays = stack.enter_context(contextlib.closing(enrolled.connect(enrolled.identity("gw-2"))))
            assert [_post(https, "gw-3"), _post(stays, "gw-2")] == [200, 200]
            session = _begun(enrolled, "gw-3")
            begun = time.monotonic()
            assert await asyncio.to_thread(enrolled.run, "gateway", "revoke", "gw-3") == 0
            with pytest.raises(aiomqtt.MqttError):
                async with asyncio.timeout(_BOUND_S):
                    await anext(revoked.messages)
            https.sock.settimeout(_BOUND_S)
            with contextlib.suppress(OSError):
                assert https.sock.recv(1) == b""
            assert time.monotonic() - begun < _BOUND_S
            assert _post(stays, "gw-2") == 200
        await bystander.publish("isolane/north/gw-2/up/schema", b"{}", qos=1)
    with pytest.raises((OSError, http.client.HTTPException)):
        enrolled.post("gw-3", enrolled.identity("gw-3"))
    assert b" 403 " in _taken_up(enrolled, "gw-3", session)
    async with asyncio.timeout(_BOUND_S):
        while await _gets_in(enrolled, "gw-3"):
            await asyncio.sleep(0.1)
    assert enrolled.enrol(code, "gw-3", "--leg", "health") == 2, "its codes have ended"
    code = await asyncio.to_thread(enrolled.code, capsys, "gw-3", "--leg", "health")
    assert enrolled.enrol(code, "gw-3", "--leg", "health") == 0
    assert enrolled.post("gw-3", enrolled.identity("gw-3")) == 200


def _old_tls(world: World, gateway: str) -> ssl.SSLContext:
    """TLS 1.2, in which a server keeps sessions that may be taken up again without a certificate."""
    identity = world.identity(gateway)
    context = client_context(world.pki.certificate, identity.certificate, identity.key)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def _begun(world: World, gateway: str) -> tuple[ssl.SSLContext, ssl.SSLSession]:
    context = _old_tls(world, gateway)
    with (
        socket.create_connection(("127.0.0.1", world.ingest)) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as tls,
    ):
        assert tls.session is not None
        return context, tls.session


def _taken_up(world: World, gateway: str, begun: tuple[ssl.SSLContext, ssl.SSLSession]) -> bytes:
    """Take a session up again and post; give the answer, " 403 " for none."""
    context, session = begun
    request = f"POST /ingest/v1/north/{gateway}/schema HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{{}}".encode()
    with (
        contextlib.suppress(OSError),
        socket.create_connection(("127.0.0.1", world.ingest), 20) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1", session=session) as tls,
    ):
        assert tls.session_reused
        tls.sendall(request)
        return tls.recv(1000)
    return b" 403 "


async def _gets_in(world: World, gateway: str) -> bool:
    try:
        async with _session(world, gateway):
            return True
    except aiomqtt.MqttError:
        return False


def _session(world: World, gateway: str) -> "contextlib.AbstractAsyncContextManager[MqttSession]":
    return _open(world, world.identity(gateway), world.broker, "whatever it says")


def _center(world: World) -> "contextlib.AbstractAsyncContextManager[MqttSession]":
    own = Identity(world.folder / "pki/center.pem", world.folder / "pki/center.key")
    return _open(world, own, world.broker_center, "beside-the-center")


def _open(
    world: World, identity: Identity, port: int, client_id: str
) -> "contextlib.AbstractAsyncContextManager[MqttSession]":
    context = client_context(world.pki.certificate, identity.certificate, identity.key)
    version = aiomqtt.ProtocolVersion.V5
    return held(MqttSession("127.0.0.1", port, identifier=client_id, protocol=version, tls_context=context))


def _forged(issuer: Authority, name: str, folder: Path) -> Identity:
    """Certify what the center never would, with the issuing key itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    made = issuer.certify(key.public_key(), common_name=name, purpose=ExtendedKeyUsageOID.CLIENT_AUTH)
    identity = Identity(folder / "forged.pem", folder / "forged.key")
    identity.certificate.write_bytes(made.public_bytes(Encoding.PEM))
    identity.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return identity
