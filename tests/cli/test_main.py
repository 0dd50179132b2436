"""This file checks the program: its help, its exit codes, and that a command loads its own room and no other."""

import io
import logging
import subprocess
import sys

import pytest

from isolane.cli import main

_LOADED = """
import sys
from isolane.cli.main import main
try:
    main([{command!r}, "-c", "/nonexistent/site.toml"])
except SystemExit:
    pass
print(*sorted(name for name in sys.modules if "." not in name or name.count(".") == 1))
"""


def _modules_after(command: str) -> set[str]:
    code = _LOADED.format(command=command)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_relay_loads_nothing_that_observes() -> None:
    loaded = _modules_after("value")
    assert "isolane.value" in loaded
    forbidden = {
        "isolane.health", "isolane.tap", "isolane.center", "isolane.sim", "isolane.devices",
        "numpy", "sqlite3", "sqlalchemy", "pymodbus", "aiomqtt", "httpx", "zstandard", "rich",
    }  # fmt: skip
    assert not loaded & forbidden


def test_the_tap_loads_no_network_client_and_nothing_of_the_channels() -> None:
    loaded = _modules_after("tap")
    assert "isolane.tap" in loaded
    assert not loaded & {"isolane.value", "isolane.health", "isolane.center", "numpy", "sqlite3", "httpx", "aiomqtt"}


def test_without_a_command_it_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main.main([])
    assert left.value.code == 2
    assert "COMMAND" in capsys.readouterr().err


def test_the_list_of_commands_is_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main.main(["--help"])
    text = capsys.readouterr().out
    assert all(f"    {name} " in text for name in main.COMMANDS)


def test_an_absent_settings_file_is_one_sentence_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["value", "-c", "/nonexistent/site.toml"]) == 2
    said = capsys.readouterr().err.strip()
    assert said.count("\n") == 0
    assert "/nonexistent/site.toml" in said
    assert "isolane init" in said


class _FullDisk(io.StringIO):
    def write(self, _: str, /) -> int:
        raise OSError(28, "No space left on device")


def test_a_line_of_the_log_that_cannot_be_written_is_lost_without_a_page_about_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = logging.getLogger("test.full-disk")
    log.propagate = False
    handler = main._Lines(_FullDisk())
    log.addHandler(handler)
    log.warning("lost")
    assert capsys.readouterr().err == ""
    log.warning("wrong %d", "argument")  # a mistake of ours is still told
    log.removeHandler(handler)
    assert "Traceback" in capsys.readouterr().err
