"""This file installs the base package alone into a fresh environment and runs the relay from it."""

import json
import subprocess
import sys
import time
import venv
from pathlib import Path

import pytest

from support.tree import ROOT

ABSENT = ("numpy", "aiomqtt", "pymodbus", "fastapi", "sqlalchemy", "ocpp", "rich")


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv/bin/python"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--require-hashes", "-r", str(ROOT / "requirements/base.txt")], check=True)
    subprocess.run([*pip, "--no-deps", str(next(folder.glob("*.whl")))], check=True)
    return python


def test_the_base_install_is_channel_a_alone(python: Path) -> None:
    listed = subprocess.run([python, "-m", "pip", "list", "--format=json"], capture_output=True, check=True).stdout
    names = {package["name"].lower() for package in json.loads(listed)}
    assert "isolane" in names
    assert not names & set(ABSENT)


def test_the_relay_runs_from_it(python: Path, tmp_path: Path) -> None:
    settings = tmp_path / "site.toml"
    settings.write_text(
        '[site]\nname = "s"\ngateway = "g"\nrun_dir = "run"\n'
        '[value]\nmetrics = "127.0.0.1:0"\n'
        '[value.csms]\nurl = "ws://127.0.0.1:9/ocpp"\n'
        '[[value.listen]]\naddress = "127.0.0.1:0"\npath = "/ocpp"\n'
    )
    log = tmp_path / "value.log"
    with log.open("wb") as output:
        command: list[str | Path] = [python.with_name("isolane"), "value", "-c", settings]
        relay = subprocess.Popen(command, stderr=output)
    try:
        deadline = time.monotonic() + 20
        while "ready" not in log.read_text():
            assert relay.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
    finally:
        relay.terminate()
        assert relay.wait(10) == 0, log.read_text()


def test_other_commands_name_the_extra_they_need(python: Path, tmp_path: Path) -> None:
    for command, name in (("health", "health"), ("center", "center")):
        said = subprocess.run(
            [python.with_name("isolane"), command, "-c", tmp_path / "x.toml"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert said.returncode == 2
        assert f"isolane[{name}]" in said.stderr, said.stderr
