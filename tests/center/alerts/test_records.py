"""This file tests what books and certificates raise; it guards that each is one alert, and no file stops the engine."""

import time
from pathlib import Path

from isolane.center.alerts.findings import Findings
from isolane.center.alerts.records import CertificateWatch, read_ends
from isolane.center.alerts.rules import CertificateRule
from support.broker import make_pki

DAY_MS = 86_400_000
SOON = CertificateRule(id="soon", level="L2", days=30, title="t", seen="{device} {value}", why="w", action="a")


def look(watch: CertificateWatch, now_ms: int) -> Findings:
    findings = Findings()
    watch.look(now_ms, findings)
    return findings


def test_a_certificate_is_told_before_and_after_its_end(tmp_path: Path) -> None:
    pki = make_pki(tmp_path, "gw-1")
    (end,) = read_ends([pki.gateway.certificate]).values()
    end_ms = int(end.timestamp() * 1000)
    watch = CertificateWatch([SOON], [pki.gateway.certificate])
    assert look(watch, end_ms - 31 * DAY_MS).holding == {}
    (before,) = look(watch, end_ms - 29 * DAY_MS).holding.values()
    assert before.facts["value"] == "in 29 d"
    assert before.place.subject.startswith("certificate/gateway.pem: gw-1 (")
    (after,) = look(watch, end_ms + 2 * DAY_MS).holding.values()
    assert after.facts["value"] == "2 d ago"


def test_a_folder_is_all_its_certificates_and_anything_else_is_none(tmp_path: Path) -> None:
    make_pki(tmp_path, "gw-1")
    (tmp_path / "torn.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\nxx")
    (tmp_path / "huge.pem").write_bytes(b"x" * (1 << 20) + b"x")
    names = sorted(name.partition(":")[0] for name in read_ends([tmp_path, tmp_path / "none.pem"]))
    assert names == ["ca.pem", "center.pem", "gateway.pem", "server.pem"]


def test_a_certificate_that_was_renewed_is_told_no_more(tmp_path: Path) -> None:
    pki = make_pki(tmp_path, "gw-1")
    (end,) = read_ends([pki.gateway.certificate]).values()
    now_ms = int(end.timestamp() * 1000)
    watch = CertificateWatch([SOON], [pki.gateway.certificate])
    assert len(look(watch, now_ms).holding) == 1
    pki.gateway.certificate.write_bytes(b"")
    assert len(look(watch, now_ms + 59_000).holding) == 1
    assert look(watch, now_ms + 61_000).holding == {}
    assert time.time() * 1000 < now_ms
