"""This file checks when a certificate is renewed, and against an EST server of another make than the center's.

The server is an HTTPS server of the standard library before the program openssl, which reads the requests, signs and
packs the answers: nothing of ours but what is tested.
"""

import base64
import datetime as dt
import http.server
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from isolane.security.authority import Authority
from isolane.security.est_client import EstServer
from isolane.security.leg_folder import LegFolder, subject_of
from isolane.security.live_identity import LiveIdentity
from isolane.security.renewal import Renewal, RenewedLeg, due_utc
from isolane.security.tls import client_context

NOW = dt.datetime.now(dt.UTC)
LOGIN = ("est", "a password of the CA's")


def _openssl(*words: str | Path) -> bytes:
    return subprocess.run(("openssl", *words), check=True, capture_output=True).stdout  # noqa: S607 - the program of this machine


@dataclass
class OtherCa:
    """What the server has, and what it was asked."""

    folder: Path
    port: int = 0
    refusal: int = 0
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def answer(self, path: str, body: bytes, login: str, shown: str) -> bytes:
        """Sign what is asked."""
        self.asked.append((path, login, shown))
        if path.endswith("cacerts"):
            return self._packed(self.folder / "root.pem")
        (self.folder / "in.der").write_bytes(base64.b64decode(body))
        read = ("-inform", "DER", "-in", self.folder / "in.der")
        _openssl("req", *read, "-verify", "-out", self.folder / "in.pem")
        signer = ("-CA", self.folder / "root.pem", "-CAkey", self.folder / "root.key", "-CAcreateserial")
        _openssl("x509", "-req", "-in", self.folder / "in.pem", *signer, "-days", "30", "-out", self.folder / "out.pem")
        return self._packed(self.folder / "out.pem")

    def _packed(self, certificate: Path) -> bytes:
        return base64.encodebytes(_openssl("crl2pkcs7", "-nocrl", "-certfile", certificate, "-outform", "DER"))


def _responder(ca: OtherCa) -> type[http.server.BaseHTTPRequestHandler]:
    class Responder(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            login = base64.b64decode(self.headers.get("authorization", "").removeprefix("Basic ")).decode()
            assert isinstance(self.connection, ssl.SSLSocket)
            shown = (
                x509.load_der_x509_certificate(der) if (der := self.connection.getpeercert(binary_form=True)) else None
            )
            name = shown.subject.rfc4514_string().removeprefix("CN=") if shown else ""
            if ca.refusal:
                self.send_response(ca.refusal)
                self.send_header("retry-after", "7200")
                self.end_headers()
                self.wfile.write(b"not now\n")
                return
            answer = ca.answer(self.path, body, login, name)
            self.send_response(200)
            self.send_header("content-type", "application/pkcs7-mime; smime-type=certs-only")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_args: object) -> None:
            pass

    return Responder


@pytest.fixture
def ca(tmp_path: Path) -> Iterator[OtherCa]:
    made = OtherCa(tmp_path / "other")
    made.folder.mkdir()
    new = ("-newkey", "rsa:2048", "-nodes", "-keyout", made.folder / "root.key", "-out", made.folder / "root.pem")
    _openssl("req", "-x509", *new, "-subj", "/CN=Other CA", "-days", "100")
    authority = Authority(tmp_path / "tls")
    authority.create("tls")
    server = authority.issue("server", common_name="127.0.0.1", hosts=["127.0.0.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.certificate, server.key)
    context.load_verify_locations(made.folder / "root.pem")
    context.verify_mode = ssl.CERT_OPTIONAL
    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _responder(made))
    listener.socket = context.wrap_socket(listener.socket, server_side=True)
    made.port = listener.server_address[1]
    thread = threading.Thread(target=listener.serve_forever, args=(0.01,))
    thread.start()
    yield made
    listener.shutdown()
    thread.join()
    listener.server_close()


def _leg(ca: OtherCa, tmp_path: Path, login: tuple[str, str] | None = LOGIN) -> RenewedLeg:
    trust = tmp_path / "tls/ca.pem"
    server = EstServer(f"https://127.0.0.1:{ca.port}/ca", "site", trust, login=login, timeout_s=20)
    return RenewedLeg(LegFolder(tmp_path / "leg"), server, "gw-1:value")


def _serial(tmp_path: Path) -> int:
    file = tmp_path / "leg/current/chain.pem"
    return x509.load_pem_x509_certificate(file.read_bytes()).serial_number


def test_another_ca_gives_the_first_and_the_next(ca: OtherCa, tmp_path: Path) -> None:
    renewal = Renewal(_leg(ca, tmp_path))
    assert renewal.step(NOW)[1] == ""
    first = _serial(tmp_path)
    assert renewal.step(NOW)[1] == ""
    assert _serial(tmp_path) == first, "not due"
    assert renewal.step(NOW + dt.timedelta(days=23))[1] == ""
    assert (_serial(tmp_path) != first, renewal.renewed) == (True, 2)
    paths = [path.removeprefix("/ca/.well-known/est/site/") for path, *_ in ca.asked]
    assert paths == ["cacerts", "simpleenroll", "cacerts", "simplereenroll"]
    assert {login for _, login, _ in ca.asked} == {":".join(LOGIN)}
    assert [shown for *_, shown in ca.asked] == ["", "", "gw-1:value", "gw-1:value"]


def test_who_gives_none_is_asked_again_later_and_the_old_one_stays(ca: OtherCa, tmp_path: Path) -> None:
    renewal, late = Renewal(_leg(ca, tmp_path)), NOW + dt.timedelta(days=23)
    renewal.step(NOW)
    first = _serial(tmp_path)
    ca.refusal = 503
    waits = [renewal.step(late) for _ in range(3)]
    assert [wait_s for wait_s, _ in waits] == [7200.0] * 3
    assert "answered 503: not now" in waits[0][1]
    assert _serial(tmp_path) == first
    ca.refusal = 0
    assert renewal.step(late)[1] == ""
    assert _serial(tmp_path) != first


def test_back_off_doubles_up_to_six_hours(tmp_path: Path) -> None:
    nobody = OtherCa(tmp_path, port=9)
    authority = Authority(tmp_path / "tls")
    authority.create("tls")
    renewal = Renewal(_leg(nobody, tmp_path))
    waits = [renewal.step(NOW)[0] for _ in range(12)]
    assert waits[:4] == [60.0, 120.0, 240.0, 480.0]
    assert waits[-1] == 6 * 3600.0


def test_without_certificate_and_password_a_person_is_asked(ca: OtherCa, tmp_path: Path) -> None:
    assert "has no certificate" in Renewal(_leg(ca, tmp_path, login=None)).step(NOW)[1]
    assert ca.asked == []


def test_a_server_that_is_not_known_gets_no_password(ca: OtherCa, tmp_path: Path) -> None:
    stranger = Authority(tmp_path / "stranger")
    stranger.create("stranger")
    server = EstServer(f"https://127.0.0.1:{ca.port}/ca", trust=stranger.certificate, login=LOGIN)
    why = Renewal(RenewedLeg(LegFolder(tmp_path / "leg"), server, "gw-1")).step(NOW)[1]
    assert "CERTIFICATE_VERIFY_FAILED" in why
    assert ca.asked == []


def test_boxes_that_were_enrolled_together_do_not_come_together() -> None:
    key, begun = ec.generate_private_key(ec.SECP256R1()), dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    due = []
    for number in range(50):
        builder = x509.CertificateBuilder().subject_name(subject_of("x")).issuer_name(subject_of("x"))
        builder = builder.public_key(key.public_key()).serial_number(number * 7919 + 1)
        builder = builder.not_valid_before(begun).not_valid_after(begun + dt.timedelta(days=90))
        due.append(due_utc(builder.sign(key, hashes.SHA256())))
    assert begun + dt.timedelta(days=60) <= min(due)
    assert max(due) <= begun + dt.timedelta(days=64.5)
    assert len({each.date() for each in due}) >= 4


def test_a_context_follows_its_files_and_takes_no_pair_that_does_not_fit(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.create("north")
    first, second = (authority.issue(name, common_name=name) for name in ("first", "second"))
    live, key = tmp_path / "live.pem", tmp_path / "live.key"
    live.write_bytes(first.certificate.read_bytes())
    key.write_bytes(first.key.read_bytes())
    identity = LiveIdentity(client_context(authority.certificate, live, key), live, key)
    assert not identity.refresh()
    live.write_bytes(second.certificate.read_bytes())
    assert not identity.refresh(), "between the two files the pair does not fit"
    key.write_bytes(second.key.read_bytes())
    assert identity.refresh()
    assert not identity.refresh()
    live.unlink()
    assert not identity.refresh()
