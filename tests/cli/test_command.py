"""This file signs commands at a terminal and has a gateway do them; it guards that nobody signs unseen."""

import io
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization as form

from isolane.cli.main import main
from support.commanded import GATEWAY, UTC_S, People, World


class Terminal:
    """A gateway, its statement and its key as files, and somebody who types."""

    def __init__(self, folder: Path, people: People, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self._patch = folder, monkeypatch
        (folder / "gateway").mkdir()
        self.world = World(folder / "gateway", people)
        self.keys = people.folder
        public = people.gateway.public_key
        pem = public.public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
        (folder / "gw.pem").write_bytes(pem)

    async def state(self) -> None:
        await self.world.desk.start()
        (self.folder / "gw.stmt").write_bytes(self.world.statements[-1])

    def request(self, verb: str, **changed: object) -> Path:
        req = {"sub": "ann", "role": "operator", "ticket": "T-1", "reason": "it hangs"}
        told = {"iss": "center", "aud": GATEWAY, "verb": verb, "args": {}, "pre": [], "req": req, "seq": 1} | changed
        path = self.folder / "request.json"
        path.write_text(json.dumps(told), encoding="utf-8")
        return path

    def run(self, action: str, source: Path, key: str, out: str, typed: str = GATEWAY) -> int:
        self._patch.setattr("sys.stdin", io.StringIO(typed + "\n"))
        statement, gateway = str(self.folder / "gw.stmt"), str(self.folder / "gw.pem")
        keys = ["--key", str(self.keys / f"{key}.pem"), "--no-passphrase", "--out", str(self.folder / out)]
        return main(["command", action, str(source), "--statement", statement, "--gateway-key", gateway, *keys])


@pytest.fixture
def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    (tmp_path / "people").mkdir()
    monkeypatch.setattr(time, "time", lambda: float(UTC_S) + 2)
    terminal = Terminal(tmp_path, People(tmp_path / "people"), monkeypatch)
    yield terminal
    terminal.world.close()


async def test_two_people_sign_at_terminals_and_the_gateway_does_it(
    terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    await terminal.state()
    world, folder = terminal.world, terminal.folder
    assert terminal.run("sign", terminal.request("freeze.set"), "ann-operator", "set.jws") == 0
    shown = capsys.readouterr().out
    assert "freeze the gateway" in shown
    assert '"it hangs"' in shown
    await world.desk.receive((folder / "set.jws").read_bytes())
    (folder / "gw.stmt").write_bytes(world.statements[-1])
    assert terminal.run("sign", terminal.request("freeze.clear", seq=2), "ann-operator", "clear.jws") == 0
    assert "FROZEN" in capsys.readouterr().out
    assert terminal.run("approve", folder / "clear.jws", "bob-approver", "both.jws") == 0
    assert main(["command", "show", str(folder / "both.jws")]) == 0
    await world.desk.receive((folder / "both.jws").read_bytes())
    assert [each.state for each in world.told()] == ["accepted", "done", "accepted", "done"]
    world.journal.checkpoint()
    audit = ["audit", "verify", str(folder / "gateway/audit"), "--gateway", GATEWAY, "--key", str(folder / "gw.pem")]
    (folder / "kept.note").write_text(world.told()[-1].checkpoint, encoding="utf-8")
    assert main([*audit, "--witness", str(folder / "kept.note")]) == 0
    journal = folder / "gateway/audit/journal.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:2]))
    capsys.readouterr()
    assert main([*audit, "--witness", str(folder / "kept.note")]) == 1
    assert "from line 2" in capsys.readouterr().out
    assert main([*audit[:4], "gw-02", *audit[5:]]) == 2


async def test_nothing_is_signed_that_was_not_shown_and_meant(terminal: Terminal) -> None:
    await terminal.state()
    folder = terminal.folder
    for verb, changed, typed in (
        ("status", {}, "no"),
        ("status", {"aud": "gw-02"}, "gw-02"),
        ("exec", {}, GATEWAY),
        ("status", {"args": {"x": 1}}, GATEWAY),
        ("status", {"appr": {"class": "R0", "need": 1}}, GATEWAY),
    ):
        assert terminal.run("sign", terminal.request(verb, **changed), "ann-operator", "x.jws", typed) == 2
    assert not (folder / "x.jws").exists()
    assert terminal.run("sign", terminal.request("freeze.clear"), "ann-operator", "c.jws") == 0
    terminal.world.clock.pass_s(600)
    await terminal.world.desk.tend()
    (folder / "gw.stmt").write_bytes(terminal.world.statements[-1])
    assert terminal.run("approve", folder / "c.jws", "bob-approver", "x.jws") == 2
    (folder / "gw.pem").write_bytes((folder / "gw.pem").read_bytes().replace(b"A", b"B", 1))
    assert terminal.run("sign", terminal.request("status"), "ann-operator", "x.jws") == 2
    assert not (folder / "x.jws").exists()
