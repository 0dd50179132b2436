"""This file checks the messages of EST against the openssl program, which speaks PKCS #10 and PKCS #7 by itself."""

import base64
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from isolane.security.authority import Authority
from isolane.security.est import (
    REQUEST_BYTES_MAX,
    read_certificates,
    read_request,
    write_certificates,
    write_request,
)
from isolane.security.leg_folder import LegFolder, subject_of


def _openssl(*arguments: str | Path, data: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *map(str, arguments)], input=data, capture_output=True, check=True).stdout  # noqa: S607 - the program of this machine


def test_openssl_reads_what_is_asked(tmp_path: Path) -> None:
    sent = write_request(LegFolder(tmp_path / "leg").request(subject_of("gw-1")))
    assert max(map(len, sent.splitlines())) <= 76
    text = _openssl("req", "-inform", "DER", "-verify", "-noout", "-text", data=base64.b64decode(sent)).decode()
    assert "CN = gw-1" in text
    assert "prime256v1" in text


def test_what_openssl_asks_is_read(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_bytes(_openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"))
    asked = _openssl("req", "-new", "-key", key, "-subj", "/O=x/CN=gw-1", "-outform", "DER")
    request, _ = read_request(base64.b64encode(asked))
    assert request.subject.rfc4514_string() == "CN=gw-1,O=x"


def test_openssl_reads_what_is_given_and_the_other_way_round(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    authority.create("north")
    made = authority.issue("gw-1", common_name="gw-1")
    own = x509.load_pem_x509_certificate(made.certificate.read_bytes())
    ca = x509.load_pem_x509_certificate(authority.certificate.read_bytes())
    sent = write_certificates([own, ca])
    text = _openssl("pkcs7", "-inform", "DER", "-print_certs", "-noout", data=base64.b64decode(sent)).decode()
    assert "CN = gw-1" in text
    assert "isolane CA" in text
    asn1 = _openssl("asn1parse", "-inform", "DER", data=base64.b64decode(sent)).decode()
    assert "pkcs7-signedData" in asn1
    theirs = _openssl("crl2pkcs7", "-nocrl", "-certfile", made.certificate, "-certfile", authority.certificate)
    body = b"".join(line for line in theirs.splitlines() if not line.startswith(b"-----"))
    assert {each.subject for each in read_certificates(body)} == {own.subject, ca.subject}


def _request(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> x509.CertificateSigningRequest:
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return x509.CertificateSigningRequestBuilder().subject_name(subject_of("gw-1")).sign(key, algorithm)


def test_a_request_without_the_key_or_of_another_kind_is_refused() -> None:
    good = bytearray(_request(ec.generate_private_key(ec.SECP256R1())).public_bytes(serialization.Encoding.DER))
    good[-1] ^= 1
    forged = [
        base64.b64encode(good),
        write_request(_request(ec.generate_private_key(ec.SECP521R1()))),
        write_request(_request(ed25519.Ed25519PrivateKey.generate())),
        b"",
        b"!!!!",
        b"AAAA",
        b"A" * (REQUEST_BYTES_MAX + 1),
    ]
    for data in forged:
        with pytest.raises(ValueError, match=r".*"):
            read_request(data)


@pytest.mark.parametrize("data", [b"", b"AAAA", b"no base64!", b"A" * 300_000])
def test_an_answer_that_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_certificates(data)
