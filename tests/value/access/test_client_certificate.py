"""This file checks whom a certificate lets in, with certificates of another library over a real TLS handshake."""

import ssl
from dataclasses import replace
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from isolane.value.access.client_certificate import Certificates, Shown, read_shown
from isolane.value.failures import Refused

OTHER_NAME = "403 certificate: another CN"


def shown_by(leaf: trustme.LeafCert, ca: trustme.CA) -> Shown:
    """Shake hands in memory and read what the server sees."""
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for context in (server, client):
        ca.configure_trust(context)
    ca.issue_cert("localhost").configure_cert(server)
    leaf.configure_cert(client)
    server.verify_mode = ssl.CERT_REQUIRED
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        server.wrap_bio(up, down, server_side=True),
        client.wrap_bio(down, up, server_hostname="localhost"),
    ]
    while ends:
        for end in tuple(reversed(ends)):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            if end.server_side:
                seen = end
            ends.remove(end)
    facts: Any = seen.getpeercert()
    der = seen.getpeercert(binary_form=True)
    assert der is not None
    return read_shown(facts, der)


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def shown(ca: trustme.CA) -> Shown:
    return shown_by(ca.issue_cert(common_name="CP1", organization_name="North"), ca)


def problem_of(certificates: Certificates, shown: Shown, charger: str) -> str:
    try:
        certificates.check(shown, charger)
    except Refused as refused:
        return f"{refused.status.value} {refused.result}: {refused.detail}"
    return ""


def test_a_certificate_is_read(shown: Shown) -> None:
    assert shown.names == ("CP1",)
    assert shown.organisations == ("North",)
    assert not shown.is_ca


def test_a_certificate_opens_for_its_charger_alone(shown: Shown) -> None:
    certificates = Certificates("North", {})
    assert problem_of(certificates, shown, "CP1") == ""
    for other in ("CP2", "cp1", "CP1 ", "CP"):
        assert problem_of(certificates, shown, other) == OTHER_NAME


def test_the_operator_is_checked_where_it_is_set(shown: Shown) -> None:
    assert problem_of(Certificates("South", {}), shown, "CP1") == "403 certificate: another O"
    assert problem_of(Certificates(None, {}), shown, "CP1") == ""


def test_a_serial_number_may_stand_for_an_identity(shown: Shown) -> None:
    certificates = Certificates(None, {"north-1": "CP1", "CP1": "SN-9"})
    assert problem_of(certificates, shown, "north-1") == ""
    assert problem_of(certificates, shown, "CP1") == OTHER_NAME


def test_a_certificate_stays_with_who_came_first(shown: Shown) -> None:
    certificates = Certificates(None, {"a": "CP1", "b": "CP1"})
    certificates.own(shown, "a")
    assert problem_of(certificates, shown, "a") == ""
    assert problem_of(certificates, shown, "b") == "403 certificate: the certificate of another identity"


@pytest.mark.parametrize("names", [(), ("CP1", "CP2"), ("CP2", "CP1")])
def test_no_or_several_names_are_nobodys(shown: Shown, names: tuple[str, ...]) -> None:
    several = replace(shown, names=names)
    assert problem_of(Certificates(None, {}), several, "CP1") == OTHER_NAME


def test_a_ca_is_no_charger(ca: trustme.CA) -> None:
    der = x509.load_pem_x509_certificate(ca.cert_pem.bytes()).public_bytes(serialization.Encoding.DER)
    shown = read_shown({"subject": ((("commonName", "CP1"),),)}, der)
    assert problem_of(Certificates(None, {}), shown, "CP1") == "403 certificate: a CA's certificate"


def test_what_is_no_certificate_is_said() -> None:
    with pytest.raises(ValueError, match="not DER"):
        read_shown({}, b"\x30\x05")
