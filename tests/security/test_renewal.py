"""This file checks when a certificate is renewed, and against an EST server of another make than the center's."""

import datetime as dt
from collections.abc import Iterator
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
from support.est_server import OtherCa, other_ca

NOW = dt.datetime.now(dt.UTC)
LOGIN = ("est", "a password of the CA's")


@pytest.fixture
def ca(tmp_path: Path) -> Iterator[OtherCa]:
    with other_ca(tmp_path) as made:
        yield made


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
