"""This file checks `isolane identity` as a person uses it."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from isolane.cli import main
from isolane.value.access.credentials import read_verifiers
from isolane.value.access.profiles import read_profile

Said = pytest.CaptureFixture[str]


def isolane(*words: str | Path) -> int:
    return main.main(["identity", *map(str, words)])


def test_from_request_to_renewal_with_openssl_as_the_ca(tmp_path: Path, capsys: Said) -> None:
    folder = tmp_path / "chargers"
    ca, key = tmp_path / "ca.pem", tmp_path / "ca.key"
    make = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=CA", "-out", ca, "-keyout", key)
    subprocess.run(["openssl", *map(str, make)], check=True, capture_output=True)  # noqa: S607 - the program of this machine
    for days in (20, 90):
        assert isolane("issue", "CP1", "--dir", folder, "--organisation", "North") == 0
        request = capsys.readouterr().out.split(" have ")[1].split(" signed")[0]
        sign = (
            "x509",
            "-req",
            "-in",
            request,
            "-CA",
            ca,
            "-CAkey",
            key,
            "-days",
            days,
            "-out",
            tmp_path / "signed.pem",
        )
        subprocess.run(["openssl", *map(str, sign)], check=True, capture_output=True)  # noqa: S607
        assert isolane("import", "CP1", tmp_path / "signed.pem", "--ca", ca, "--dir", folder) == 0
        assert isolane("list", "--dir", folder) == 0
        assert ("RENEW" in capsys.readouterr().out) == (days == 20)


def test_a_password_is_set_from_standard_input_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    file = tmp_path / "credentials"
    for charger, typed, words in (("CP1", b"secret-password\n", ()), ("CP2", b"ff00\n", ("--hex",))):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed)))
        assert isolane("password", charger, "--file", file, *words) == 0
    assert set(read_verifiers(file)) == {"CP1", "CP2"}
    assert isolane("password", "CP1", "--file", file, "--remove") == 0
    assert set(read_verifiers(file)) == {"CP2"}
    assert isolane("password", "CP1", "--file", file, "--remove") == 2
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"no hex")))
    assert isolane("password", "CP3", "--file", file, "--hex") == 2
    said = capsys.readouterr()
    assert "secret-password" not in said.out + said.err
    assert "no hex" not in said.out + said.err


def test_a_profile_is_shown_and_lowered(tmp_path: Path, capsys: Said) -> None:
    assert isolane("profile", "CP1", "--state", tmp_path, "--set", "3") == 0
    assert isolane("profile", "CP1", "--state", tmp_path) == 0
    assert "lowest profile 3\n" in capsys.readouterr().out
    assert isolane("profile", "CP1", "--state", tmp_path, "--set", "0") == 0
    assert read_profile(tmp_path, "CP1") == 0
    (tmp_path / "CP1").write_text("x")
    assert isolane("profile", "CP1", "--state", tmp_path) == 2
    assert isolane("profile", "C/1", "--state", tmp_path) == 2


def test_one_name_cannot_serve_several_chargers(tmp_path: Path, capsys: Said) -> None:
    assert isolane("issue", "CP1", "CP2", "--cn", "SN", "--dir", tmp_path) == 2
    assert "one by one" in capsys.readouterr().err
