"""This file checks that revocation lists are read as openssl reads them and end whom they name."""

import asyncio
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from isolane.core.failures import IsolaneError
from isolane.value.access.client_certificate import read_shown
from isolane.value.access.revocation import Revocation, read_revoked
from isolane.value.registry import Registry
from isolane.value.security_events import Kind, SecurityEvents
from support.charger_ca import ChargerCa


@pytest.mark.parametrize("count", [0, 1, 300])
def test_the_serial_numbers_are_those_that_openssl_reads(tmp_path: Path, count: int) -> None:
    ca = ChargerCa(tmp_path)
    serials = {x509.random_serial_number() for _ in range(count)}
    crl = ca.revoke(*serials)
    listed = subprocess.run(
        ["openssl", "crl", "-in", str(crl), "-noout", "-text"],  # noqa: S607 - the program of this machine
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    read = {int(line.split(":")[1], 16) for line in listed.splitlines() if "Serial Number:" in line}
    assert {serial for _, serial in read_revoked(crl)} == read == serials


def test_lists_of_several_issuers_are_kept_apart(tmp_path: Path) -> None:
    (tmp_path / "two").mkdir()
    one, two = ChargerCa(tmp_path, "One"), ChargerCa(tmp_path / "two", "Two")
    (tmp_path / "both.pem").write_bytes(one.revoke(7).read_bytes() + two.revoke(7, 8).read_bytes())
    revoked = read_revoked(tmp_path / "both.pem")
    assert sorted(serial for _, serial in revoked) == [7, 7, 8]
    assert len({issuer for issuer, _ in revoked}) == 2


@pytest.mark.parametrize("text", ["-----BEGIN X509 CRL-----\nMAAA\n-----END X509 CRL-----\n", "ä"])
def test_what_is_no_list_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "crl.pem").write_text(text, encoding="utf-8")
    with pytest.raises(IsolaneError, match="cannot read revocation lists"):
        read_revoked(tmp_path / "crl.pem")


async def test_who_has_left_or_shows_nothing_now_is_forgotten(tmp_path: Path) -> None:
    ca = ChargerCa(tmp_path)
    chain, _, serial = ca.issue("CP1")
    der = x509.load_pem_x509_certificate(chain.read_bytes()).public_bytes(serialization.Encoding.DER)
    shown = read_shown({}, der)
    assert shown.serial == serial
    events = SecurityEvents()
    revocation = Revocation([ca.revoke(serial)], Registry(), events)
    assert (shown.issuer, shown.serial) in read_revoked(tmp_path / "crl.pem")
    revocation.watch("CP1", shown)
    revocation.watch("CP2", shown)
    revocation.watch("CP2", None)
    assert list(revocation._shown) == ["CP1"]
    await asyncio.to_thread(revocation.reload)
    await asyncio.sleep(0)
    assert not revocation._shown
    assert events.counts[Kind.CERTIFICATE] == 0
