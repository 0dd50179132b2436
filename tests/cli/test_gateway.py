"""This file checks `isolane gateway` with the program openssl as judge."""

import subprocess
from pathlib import Path

import pytest

from isolane.cli import main


def verify(pki: Path, name: str) -> bool:
    lists = ("-CAfile", pki / "ca.pem", "-CRLfile", pki / "revoked.pem")
    words = ("openssl", "verify", "-crl_check", *lists, pki / f"{name}.pem")
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def test_a_gateway_comes_and_is_locked_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "north"
    pki = folder / "pki"
    assert main.main(["init", str(folder)]) == 0
    for name in ("gw-2", "gw-3"):
        assert main.main(["gateway", "issue", name, "--pki", str(pki)]) == 0
    assert verify(pki, "gw-2")
    for _ in range(2):
        assert main.main(["gateway", "revoke", "gw-2", "--pki", str(pki)]) == 0
    assert [verify(pki, name) for name in ("gw-2", "gw-3")] == [False, True]
    assert "restart both" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["center", "a/b", "+", "#", ""])
def test_a_name_that_would_open_anothers_topics_is_refused(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "north"
    main.main(["init", str(folder)])
    assert main.main(["gateway", "issue", name, "--pki", str(folder / "pki")]) == 2


def test_a_certificate_of_another_ca_cannot_be_revoked(tmp_path: Path) -> None:
    for name in ("north", "south"):
        main.main(["init", str(tmp_path / name)])
    stranger = str(tmp_path / "south/pki/gateway.pem")
    words = ["gateway", "revoke", "gw-1", "--pki", str(tmp_path / "north/pki"), "--certificate", stranger]
    assert main.main(words) == 2
