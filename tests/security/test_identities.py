"""This file checks requests and certificates of chargers against openssl and another library's CA."""

import datetime as dt
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from isolane.core.failures import IsolaneError
from isolane.security.identities import Held, Identities
from isolane.security.tls import client_context
from support.charger_ca import ChargerCa


def openssl(*arguments: str | Path) -> str:
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=True).stdout  # noqa: S607 - the program of this machine


@pytest.fixture
def ca(tmp_path: Path) -> ChargerCa:
    (tmp_path / "ca").mkdir()
    return ChargerCa(tmp_path / "ca")


@pytest.fixture
def identities(tmp_path: Path) -> Identities:
    return Identities(tmp_path / "chargers")


def sign(ca: ChargerCa, request: Path, *, days: int = 90, name: str | None = None) -> Path:
    """Sign a request as a CSMS's CA would."""
    asked = x509.load_pem_x509_csr(request.read_bytes())
    subject = asked.subject
    if name is not None:
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(ca.name)
        .public_key(asked.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=100))
        .not_valid_after(now + dt.timedelta(days=days))
        .sign(ca.key, hashes.SHA256())
    )
    signed = request.with_name("signed.crt")
    signed.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return signed


@pytest.mark.parametrize("is_rsa", [False, True])
def test_a_request_is_what_openssl_verifies(tmp_path: Path, identities: Identities, *, is_rsa: bool) -> None:
    request = identities.request("CP 1", organisation="North", is_rsa=is_rsa)
    verified = subprocess.run(
        ["openssl", "req", "-in", str(request), "-noout", "-verify"],  # noqa: S607 - the program of this machine
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,  # one release says it here, another there
        text=True,
        check=True,
    )
    assert verified.stdout == "Certificate request self-signature verify OK\n"
    subject = openssl("req", "-in", request, "-noout", "-subject", "-nameopt", "RFC2253")
    assert subject == "subject=CN=CP 1,O=North\n"
    assert (tmp_path / "chargers/CP%201.new.key").stat().st_mode & 0o777 == 0o600
    assert list(identities.held()) == [Held("CP 1", None, is_pending=True)]


def test_a_signed_certificate_is_put_in_use_and_renewed(tmp_path: Path, identities: Identities, ca: ChargerCa) -> None:
    folder = tmp_path / "chargers"
    for days in (10, 90):
        end = identities.install("CP1", sign(ca, identities.request("CP1"), days=days), ca.ca)
        assert (end - dt.datetime.now(dt.UTC)).days in {days - 1, days}
        client_context(ca.ca, folder / "CP1.pem", folder / "CP1.key")
        assert list(identities.held()) == [Held("CP1", end, is_pending=False)]
    assert {path.name for path in folder.iterdir()} == {"CP1.pem", "CP1.key", "signed.crt"}


def test_a_renewal_leaves_what_is_in_use_alone_until_it_is_there(
    tmp_path: Path, identities: Identities, ca: ChargerCa
) -> None:
    folder = tmp_path / "chargers"
    identities.install("CP1", sign(ca, identities.request("CP1")), ca.ca)
    before = (folder / "CP1.pem").read_bytes(), (folder / "CP1.key").read_bytes()
    identities.request("CP1")
    assert ((folder / "CP1.pem").read_bytes(), (folder / "CP1.key").read_bytes()) == before


def test_the_same_key_may_be_certified_again(identities: Identities, ca: ChargerCa, tmp_path: Path) -> None:
    request = identities.request("CP1")
    copy = tmp_path / "copy.csr"
    copy.write_bytes(request.read_bytes())
    identities.install("CP1", sign(ca, request, days=10), ca.ca)
    end = identities.install("CP1", sign(ca, copy, days=90), ca.ca)
    assert [held.not_after_utc for held in identities.held()] == [end]


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("key", "belongs to no key"),
        ("name", "is for"),
        ("expired", "not valid now"),
        ("stranger", "no trusted authority"),
        ("text", "cannot read"),
    ],
)
def test_what_does_not_fit_changes_nothing(
    tmp_path: Path, identities: Identities, ca: ChargerCa, fault: str, says: str
) -> None:
    request = identities.request("CP1")
    signed = sign(ca, request, days=-1 if fault == "expired" else 90, name="CP2" if fault == "name" else None)
    if fault == "key":
        identities.request("CP1")
    if fault == "stranger":
        (tmp_path / "other").mkdir()
        ca = ChargerCa(tmp_path / "other")
    if fault == "text":
        signed.write_text("hello")
    before = {path: path.read_bytes() for path in request.parent.iterdir()}
    with pytest.raises(IsolaneError, match=says):
        identities.install("CP1", signed, ca.ca)
    assert {path: path.read_bytes() for path in request.parent.iterdir()} == before


def test_a_name_may_differ_from_the_identity(identities: Identities, ca: ChargerCa) -> None:
    signed = sign(ca, identities.request("north-1", name="SN-77"))
    with pytest.raises(IsolaneError, match="is for"):
        identities.install("north-1", signed, ca.ca)
    identities.install("north-1", signed, ca.ca, name="SN-77")


def test_what_cannot_be_is_said(tmp_path: Path, identities: Identities) -> None:
    with pytest.raises(IsolaneError, match="cannot be a charger's identity"):
        identities.request("C/1")
    (tmp_path / "file").touch()
    with pytest.raises(IsolaneError, match="cannot write"):
        Identities(tmp_path / "file").request("CP1")
