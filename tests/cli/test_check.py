"""This file checks that `isolane check` shows where a setting comes from and fails when something is not there."""

from pathlib import Path

import pytest

from isolane.cli import main


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    main.main(["init", str(tmp_path / "north"), "--csms", "ws://127.0.0.1:9/ocpp", "--link", "https"])
    return tmp_path / "north/site.toml"


def test_what_cannot_be_reached_is_named_and_the_exit_code_is_1(
    settings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main.main(["check", "-c", str(settings)]) == 1
    said = capsys.readouterr().out
    assert "FAIL CSMS: 127.0.0.1:9 cannot be reached" in said
    assert "ok   listener 0.0.0.0:8888" in said
    assert "  csms.url = ws://127.0.0.1:9/ocpp\n" in said


def test_defaults_are_shown_when_asked_for(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main.main(["check", "--all", "-c", str(settings)])
    assert "limits.handshake_s = 5.0    (default)" in capsys.readouterr().out


def test_a_run_folder_open_to_others_fails(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (settings.parent / "run").chmod(0o755)
    assert main.main(["check", "-c", str(settings)]) == 1
    assert "chmod 700" in capsys.readouterr().out


def test_a_wrong_file_is_exit_code_2(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings.write_text(settings.read_text(encoding="utf-8").replace("[tap]", "[tab]"), encoding="utf-8")
    assert main.main(["check", "-c", str(settings)]) == 2
    assert "did you mean 'tap'" in capsys.readouterr().err


def test_a_retrofit_certificate_that_is_not_there_is_named(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = settings.read_text(encoding="utf-8").replace("ws://127.0.0.1:9", "wss://127.0.0.1:9")
    text = text.replace("[[value.listen]]", '[[value.listen]]\nauth = "replace"', 1)
    text += '\n[[value.retrofit]]\ncharger = "CP1"\ncertificate = "CP1.pem"\nkey = "CP1.key"\n'
    settings.write_text(text, encoding="utf-8")
    assert main.main(["check", "-c", str(settings)]) == 1
    said = capsys.readouterr().out
    assert "FAIL retrofit CP1: cannot read" in said
    assert "ok   listener 0.0.0.0:8888" in said
