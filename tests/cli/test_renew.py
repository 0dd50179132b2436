"""This file runs `isolane renew` as a timer and as a service does; it guards that both leave a whole pair."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from isolane.cli import main
from isolane.security.tls import client_context
from support.est_server import other_ca

_SITE = """
[site]
name = "north"
gateway = "gw-1"
run_dir = "run"

[[renewal.legs]]
leg = "value"
folder = "value"
url = "https://127.0.0.1:{port}/ca"
label = "site"
trust = "tls/ca.pem"
user = "est"
password = "file:password"
name = "NORTH-0001"
"""


def _write(folder: Path, port: int) -> Path:
    file = folder / "site.toml"
    file.write_text(_SITE.format(port=port), encoding="utf-8")
    (folder / "password").write_text("a password of the CA's\n", encoding="utf-8")
    (folder / "password").chmod(0o600)
    return file


def test_once_for_a_timer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with other_ca(tmp_path) as ca:
        file = str(_write(tmp_path, ca.port))
        for words, said in (([], "renewed"), ([], "not yet due"), (["--now"], "renewed")):
            assert main.main(["renew", "-c", file, "--leg", "value", *words]) == 0
            assert said in capsys.readouterr().out
        ca.refusal = 403
        assert main.main(["renew", "-c", file, "--now"]) == 1
        assert "answered 403: not now" in capsys.readouterr().out
    current = tmp_path / "value/current"
    client_context(current / "trust.pem", current / "chain.pem", current / "key.pem")
    assert {login for _, login, _ in ca.asked} == {"est:a password of the CA's"}
    assert {shown for *_, shown in ca.asked} == {"", "NORTH-0001"}


def test_what_is_not_there_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = _write(tmp_path, 9)
    assert main.main(["renew", "-c", str(file), "--leg", "health"]) == 2
    assert "nothing is to be renewed" in capsys.readouterr().err
    file.write_text(file.read_text(encoding="utf-8").replace('user = "est"\n', ""), encoding="utf-8")
    assert main.main(["renew", "-c", str(file)]) == 2
    assert "both `user` and `password`" in capsys.readouterr().err


def test_a_service_stays_until_it_is_told_to_go(tmp_path: Path) -> None:
    with other_ca(tmp_path) as ca:
        words = (sys.executable, "-m", "isolane", "renew", "--watch", "-c", _write(tmp_path, ca.port))
        process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 30
            while not (tmp_path / "value/current/chain.pem").exists():
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
            assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == -signal.SIGTERM
        finally:
            process.kill()
            process.wait()
