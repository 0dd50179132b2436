"""This file tests `cli.update.turn` on processes that live: whoever may be charging keeps the relay that he has."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bench.attack.bare import service_keeper

from isolane.cli.update import units as units_file
from isolane.cli.update.turn import Turn
from isolane.cli.update.units import Units
from isolane.cli.update.versions import Versions
from isolane.core.failures import IsolaneError

_NAMES = tuple(f"isolane-{room}.service" for room in ("value", "tap", "health"))
_BUSY = "1 charger is charging"
_LASTS, _ENDS = "import time\ntime.sleep(600)\n", ""


class _Box:
    """Two versions, the first in force and running."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.said = folder, list[str]()
        self.versions = Versions(folder)
        for version in ("1", "2"):
            self.write(version, _LASTS)
        self.versions.begin_trial("1")
        command = [str(folder / "current/bin/isolane")]
        (folder / "units.json").write_text(json.dumps(dict.fromkeys(_NAMES, command)), encoding="utf-8")
        self.systemctl = str(service_keeper.script(folder, Path(service_keeper.__file__).parents[3]))
        self.restart(*_NAMES)

    def restart(self, *names: str) -> None:
        subprocess.run([self.systemctl, "restart", *names], check=True)

    def write(self, version: str, text: str) -> None:
        place = self.versions.place(version)
        (place / "bin").mkdir(parents=True, exist_ok=True)
        if not (place / "bin/python").is_symlink():
            (place / "bin/python").symlink_to(sys.executable)
        program = place / "bin/isolane"
        program.write_text(f"#!{place}/bin/python -IS\n{text}", encoding="utf-8")
        program.chmod(0o755)
        self.versions.finish(version, b"release")

    def turn(self, why_not: Callable[[], str], wait_s: float = 0.0) -> Turn:
        return Turn(self.versions, Units(self.systemctl, {}, 10.0), why_not, wait_s, self.said.append)

    def pids(self) -> dict[str, int]:
        return {name: service_keeper.pid_of(self.folder, name) for name in _NAMES}

    def runs(self) -> list[str]:
        """Give the version that each process runs, "" for none."""
        found = []
        for pid in self.pids().values():
            word = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0] if pid else b"/x/x/x"
            found.append(Path(os.fsdecode(word)).parts[-3] if pid else "")
        return found


@pytest.fixture(name="box")
def _box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Box]:
    monkeypatch.setattr(units_file, "_SETTLED_S", 0.05)
    monkeypatch.setattr(units_file, "_LOOK_S", 0.02)
    box = _Box(tmp_path)
    yield box
    for name in _NAMES:
        service_keeper.stop(tmp_path, name)


def test_when_nobody_charges_everything_goes_to_the_new_version(box: _Box) -> None:
    box.turn(lambda: "").to("2")
    assert box.runs() == ["2", "2", "2"]
    links = [box.versions.linked(name) for name in ("current", "trial", "previous")]
    assert links == ["2", None, "1"]


def test_while_somebody_charges_nothing_is_touched(box: _Box) -> None:
    before = box.pids()
    with pytest.raises(IsolaneError, match="not restarted now: 1 charger is charging"):
        box.turn(lambda: _BUSY).to("2")
    assert box.pids() == before
    assert (box.versions.linked("current"), box.versions.linked("trial")) == ("1", None)


def test_who_waits_in_vain_has_the_old_version_everywhere_and_the_same_relay(box: _Box) -> None:
    before = box.pids()
    with pytest.raises(IsolaneError, match="1 charger is charging"):
        box.turn(lambda: _BUSY, 0.1).to("2")
    after = box.pids()
    assert [after[name] == before[name] for name in _NAMES] == [True, True, False]
    assert box.runs() == ["1", "1", "1"]
    assert (box.versions.linked("current"), box.versions.linked("trial")) == ("1", None)


def test_a_version_that_ends_at_once_is_taken_back(box: _Box) -> None:
    before = box.pids()
    box.write("2", _ENDS)
    with pytest.raises(IsolaneError, match=r"ended by itself|does not run from"):
        box.turn(lambda: "").to("2")
    assert box.runs() == ["1", "1", "1"]
    assert box.pids()[_NAMES[0]] == before[_NAMES[0]], "the relay's turn has never come"
    assert box.versions.linked("current") == "1"


def test_what_was_left_unproven_is_taken_back_without_the_relay_that_runs_the_old_version(box: _Box) -> None:
    box.versions.begin_trial("2")
    box.restart(_NAMES[2])
    before = box.pids()
    box.turn(lambda: _BUSY).settle()
    assert box.runs() == ["1", "1", "1"]
    assert [box.pids()[name] == before[name] for name in _NAMES] == [True, True, False]
    assert (box.versions.linked("current"), box.versions.linked("trial")) == ("1", None)


def test_a_relay_of_an_unproven_version_is_not_taken_back_while_somebody_charges(box: _Box) -> None:
    box.versions.begin_trial("2")
    box.restart(*_NAMES)
    before = box.pids()
    with pytest.raises(IsolaneError, match="1 charger is charging"):
        box.turn(lambda: _BUSY).settle()
    assert box.pids() == before
    assert box.versions.linked("trial") == "1"
    box.turn(lambda: "").settle()
    assert box.runs() == ["1", "1", "1"]


_WAITS = """
import argparse, pathlib, sys
from isolane.cli.update import command, units
from isolane.cli.update.turn import Turn
from isolane.cli.update.versions import Versions

units._SETTLED_S, units._LOOK_S = 0.05, 0.02
folder, systemctl = sys.argv[1:]
turn = Turn(Versions(pathlib.Path(folder)), units.Units(systemctl, {}, 10.0), lambda: "busy", 600.0, command._say)
sys.exit(command.run(argparse.Namespace(action=lambda _: turn.to("2"))))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_who_ends_it_while_it_waits_has_the_old_version_everywhere(box: _Box, number: signal.Signals) -> None:
    before = box.pids()
    words = [sys.executable, "-c", _WAITS, str(box.folder), box.systemctl]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as waiting:
        assert waiting.stdout is not None
        assert [next(waiting.stdout).strip() for _ in range(2)] == [f"restarting {_NAMES[2]}", "waiting: busy"]
        waiting.send_signal(number)
        assert next(waiting.stdout) == "back to 1\n"
        waiting.send_signal(signal.SIGHUP)  # asking twice changes nothing
        assert waiting.stdout.read() == ""
        assert waiting.wait(60) == 128 + number
    after = box.pids()
    assert [after[name] == before[name] for name in _NAMES] == [True, True, False]
    assert box.runs() == ["1", "1", "1"]
    assert (box.versions.linked("current"), box.versions.linked("trial")) == ("1", None)


def test_who_loses_his_terminal_has_the_old_version_everywhere(box: _Box) -> None:
    """The line hangs up: the process is told, and can say nothing any more."""
    near, far = os.openpty()
    words = [sys.executable, "-c", _WAITS, str(box.folder), box.systemctl]
    with subprocess.Popen(
        ["/usr/bin/setsid", "--ctty", "--wait", *words], stdin=far, stdout=far, stderr=far, start_new_session=True
    ) as waiting:
        os.close(far)
        said = b""
        while b"waiting: busy" not in said:
            said += os.read(near, 4096)
        os.close(near)
        waiting.wait(60)
    assert box.runs() == ["1", "1", "1"]
    assert (box.versions.linked("current"), box.versions.linked("trial")) == ("1", None)
