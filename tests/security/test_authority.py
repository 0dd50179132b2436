"""This file checks the private CA against an independent judge, the openssl program."""

import subprocess
from pathlib import Path

import pytest

from isolane.core.failures import IsolaneError
from isolane.security.authority import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    authority = Authority(tmp_path / "pki")
    authority.create("North Charging")
    return authority


def _openssl(*arguments: str | Path) -> str:
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=True).stdout  # noqa: S607 - the program of this machine


def test_openssl_verifies_a_server_certificate_for_its_names_only(authority: Authority) -> None:
    server = authority.issue("listener", common_name="gateway.lan", hosts=["gateway.lan", "127.0.0.1"])
    verify = ("verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", authority.certificate)
    assert "OK" in _openssl(*verify, "-verify_hostname", "gateway.lan", server.certificate)
    assert "OK" in _openssl(*verify, "-verify_ip", "127.0.0.1", server.certificate)
    with pytest.raises(subprocess.CalledProcessError):
        _openssl(*verify, "-verify_hostname", "other.lan", server.certificate)


def test_openssl_verifies_a_client_certificate_as_client_and_not_as_server(authority: Authority) -> None:
    client = authority.issue("gw-1", common_name="gw-1")
    verify = ("verify", "-x509_strict", "-CAfile", authority.certificate)
    assert "OK" in _openssl(*verify, "-purpose", "sslclient", client.certificate)
    with pytest.raises(subprocess.CalledProcessError):
        _openssl(*verify, "-purpose", "sslserver", client.certificate)
    subject = _openssl("x509", "-noout", "-subject", "-nameopt", "RFC2253", "-in", client.certificate)
    assert subject == "subject=CN=gw-1,O=North Charging\n"


def test_keys_are_for_their_owner_alone(authority: Authority) -> None:
    client = authority.issue("gw-1", common_name="gw-1")
    for key in (client.key, authority.certificate.with_suffix(".key")):
        assert key.stat().st_mode & 0o777 == 0o600


def test_nothing_is_overwritten(authority: Authority) -> None:
    authority.issue("gw-1", common_name="gw-1")
    with pytest.raises(IsolaneError, match="exists already"):
        authority.issue("gw-1", common_name="gw-1")
    with pytest.raises(IsolaneError, match="exists already"):
        authority.create("Other")


def test_without_a_ca_it_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(IsolaneError, match="isolane init"):
        Authority(tmp_path).issue("gw-1", common_name="gw-1")


@pytest.mark.parametrize("name", ["", "+", "#", "gw-01/up", "gw-01\0", "gw-01\n", "x" * 65, "gw\u202e"])
def test_a_name_that_a_broker_could_misread_is_not_issued(authority: Authority, name: str) -> None:
    with pytest.raises(IsolaneError, match="common name"):
        authority.issue("bad", common_name=name)


def test_openssl_sees_who_is_revoked_and_who_is_not(authority: Authority) -> None:
    good, bad = (authority.issue(name, common_name=name) for name in ("good", "bad"))
    authority.revoke(bad.certificate)
    verify = ("verify", "-crl_check", "-CAfile", authority.certificate, "-CRLfile", authority.revocations)
    assert "OK" in _openssl(*verify, good.certificate)
    with pytest.raises(subprocess.CalledProcessError):
        _openssl(*verify, bad.certificate)
