"""This file checks that what would keep the relay from starting, or a charger from coming in, is said before."""

import asyncio
import base64
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from isolane.cli.csms_probe import Caller
from isolane.cli.relay_probe import local, password, voice
from isolane.config.load import load
from isolane.config.site import Site
from isolane.value.access.credentials import protect, write_verifiers
from isolane.value.settings import ValueSettings
from support.relay import relaying

VERIFY = '[value.access]\nauth = "verify"\ncredentials = "credentials"\n'


def settings(folder: Path, tables: str = "", *, value: str = "", listen: str = "127.0.0.1:0") -> ValueSettings:
    file = folder / "site.toml"
    file.write_text(
        f'[value]\nmetrics = "127.0.0.1:0"\n{value}\n[value.csms]\nurl = "wss://127.0.0.1:9"\n'
        f'[[value.listen]]\naddress = "{listen}"\n{tables}'
    )
    return load(file, "value", ValueSettings)


def problems(value: ValueSettings, site: Site | None = None) -> dict[str, str]:
    return {name: problem for name, problem in local(value, site) if problem}


def test_a_port_that_another_program_has_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert "another program" in problems(settings(tmp_path, listen=address))[f"port {address}"]
    assert not problems(settings(tmp_path, listen=address))
    assert "no such address" in problems(settings(tmp_path, listen="192.0.2.1:8887"))["port 192.0.2.1:8887"]


async def test_the_ports_of_a_relay_that_runs_are_its_own(tmp_path: Path) -> None:
    async with relaying(tmp_path, 'url = "ws://127.0.0.1:9"') as relay:
        value = settings(tmp_path, listen=f"127.0.0.1:{relay.ports[0]}")
        address = relay.metrics.removeprefix("http://").removesuffix("/metrics")
        text = (tmp_path / "site.toml").read_text().replace('metrics = "127.0.0.1:0"', f'metrics = "{address}"')
        (tmp_path / "site.toml").write_text(text)
        running = load(tmp_path / "site.toml", "value", ValueSettings)
        assert "another program" in (await asyncio.to_thread(problems, value))[f"port 127.0.0.1:{relay.ports[0]}"]
        assert not await asyncio.to_thread(problems, running)


def test_a_credential_file_that_cannot_be_used_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "make one with" in problems(settings(tmp_path, VERIFY))["credentials"]
    write_verifiers(tmp_path / "credentials", {"CP1": protect(b"right")})
    assert not problems(settings(tmp_path, VERIFY))
    monkeypatch.setattr("os.access", lambda _path, _mode: False)  # root may write everywhere
    assert "let the relay write" in problems(settings(tmp_path, VERIFY + 'learn = "from-csms"\n'))["credentials"]


def test_a_folder_that_may_not_be_looked_into_is_said_and_no_crash(tmp_path: Path) -> None:
    unseen = tmp_path / ("x" * 300)  # refused for its length, as another user's folder is for its mode, to root too
    own = f'[value.own_calls]\nenabled_for = ["CP1"]\naudit = "{unseen}/own.jsonl"\n'
    value = settings(tmp_path, f'{own}[value.access]\nstate_dir = "{unseen}"\n')
    said = problems(value)
    assert said["audit own.jsonl"].endswith("run this as the relay's user")
    assert said["kept profiles"].endswith("run this as the relay's user")


@pytest.mark.parametrize(("workers", "audits"), [(1, ["own.jsonl"]), (2, ["own.1.jsonl", "own.2.jsonl"])])
def test_what_own_calls_and_kept_profiles_need_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int, audits: list[str]
) -> None:
    own = '[value.own_calls]\nenabled_for = ["CP1"]\naudit = "audit/own.jsonl"\ncaller = "nobody-of-this-name"\n'
    value = settings(tmp_path, '[value.access]\nstate_dir = "profiles"\n' + own, value=f"workers = {workers}")
    site = Site(name="s", gateway="g", run_dir=tmp_path / ("x" * 200))
    said = problems(value, site)
    assert "no such user" in said.pop("caller nobody-of-this-name")
    assert len(said) == workers
    assert all("shorter [site] run_dir" in problem for problem in said.values())
    assert not (tmp_path / "audit").exists(), "nothing is made"
    real: Any = os.access
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != tmp_path and real(path, mode))
    said = problems(value)
    assert all("cannot be written" in said[f"audit {audit}"] for audit in audits)
    assert "cannot be written" in said["kept profiles"]
    (tmp_path / "audit").touch()
    assert "is no folder" in problems(value)[f"audit {audits[0]}"]


async def test_a_password_is_compared_with_the_stored_one(tmp_path: Path) -> None:
    write_verifiers(tmp_path / "credentials", {"CP1": protect(b"right")})
    value = settings(tmp_path, VERIFY)
    assert await password(value, Caller("CP1")) is None
    assert await password(settings(tmp_path), Caller("CP1", b"right")) is None
    assert await password(value, Caller("CP1", b"right")) == ("stored password of CP1", "")
    for charger, words in (("CP1", "it is another one"), ("CP2", "there is none")):
        found = await password(value, Caller(charger, b"wrong"))
        assert found is not None
        assert words in found[1]
    found = await password(settings(tmp_path, VERIFY + 'learn = "from-csms"\n'), Caller("CP1", b"wrong"))
    assert found == ("stored password of CP1: another one, so the CSMS is asked, and what it takes is stored", "")


def test_the_relay_speaks_for_a_charger_that_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "site-password").write_text("secret")
    value = settings(tmp_path, '[value.access]\nauth = "replace"\npassword = "file:site-password"\n')
    said = voice(value, Caller("CP1"))
    assert said is not None
    assert said.authorization == "Basic " + base64.b64encode(b"CP1:secret").decode()
    assert voice(value, Caller("CP1", b"own")) is None
    assert voice(settings(tmp_path), Caller("CP1")) is None
