"""This file checks the certificate walk against another library's reading."""

import datetime as dt
from pathlib import Path

import pytest
import trustme
from cryptography import x509

from isolane.value.expiry import not_after_utc


@pytest.mark.parametrize("year", [2030, 2049, 2050, 2099])
def test_the_end_is_what_another_library_reads(tmp_path: Path, year: int) -> None:
    leaf = trustme.CA().issue_cert("gateway", not_after=dt.datetime(year, 6, 1, 12, 30, 15, tzinfo=dt.UTC))
    pem = tmp_path / "leaf.pem"
    pem.write_bytes(leaf.cert_chain_pems[0].bytes() + trustme.CA().cert_pem.bytes())
    assert not_after_utc(pem) == x509.load_pem_x509_certificate(pem.read_bytes()).not_valid_after_utc


@pytest.mark.parametrize("text", ["", "-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----\n", "hello"])
def test_what_is_no_certificate_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.pem").write_text(text)
    with pytest.raises(ValueError, match=r"."):
        not_after_utc(tmp_path / "x.pem")
