"""This file runs the demo as a person would, to its end, to Ctrl-C, and into each wall it should meet politely."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.ports import free_base

DEMO = [sys.executable, "-m", "isolane", "demo"]


def _command(folder: Path, *more: str) -> list[str]:
    return [*DEMO, "--folder", str(folder), "--base-port", str(free_base()), *more]


def _left_behind(folder: Path) -> list[str]:
    """List processes whose command line names the demo's folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(folder) in line and int(process.name) != os.getpid():
            found.append(line)
    return found


@pytest.mark.timeout(150)
@pytest.mark.parametrize("link", ["mqtt", "https"])
def test_an_unattended_demo_judges_itself_good(link: str, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    command = _command(folder, "--seconds", "20", "--speed", "60", "--link", link)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "demo: all as it should be" in done.stdout
    for sentence in ("transactions billed to the watt-hour", "samples produced", "no personal data in"):
        assert f"{sentence}" in done.stdout
    assert not _left_behind(folder)


def _running(folder: Path, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(_command(folder, *more), stdout=subprocess.PIPE, text=True)


def _until_a_line(demo: subprocess.Popen[str], *with_one_of: str) -> None:
    assert demo.stdout is not None
    for line in demo.stdout:
        if any(words in line for words in with_one_of):
            return
    raise AssertionError(f"no line with {with_one_of}")


@pytest.mark.timeout(120)
def test_ctrl_c_ends_it_in_order_and_leaves_no_process(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with _running(folder, "--speed", "60", "--link", "https") as demo:
        _until_a_line(demo, "2 running", "3 running", "4 running")
        demo.send_signal(signal.SIGINT)
        assert demo.stdout is not None
        said = demo.stdout.read()
    assert demo.returncode == 0, said
    assert "samples produced =" in said
    assert not _left_behind(folder)


@pytest.mark.timeout(120)
def test_a_killed_demo_leaves_no_process(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with _running(folder, "--link", "https") as demo:
        _until_a_line(demo, "A:")
        demo.kill()
    deadline = time.monotonic() + 20
    while _left_behind(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _left_behind(folder)


def _refused(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 2, done.stdout + done.stderr
    said = done.stderr.strip()
    assert said.count("\n") == 0, said
    return said


def test_a_used_port_is_one_sentence(tmp_path: Path) -> None:
    base = free_base()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a demo before this one may just have had it
        taken.bind(("127.0.0.1", base + 3))
        taken.listen()
        said = _refused([*DEMO, "--folder", str(tmp_path / "demo"), "--base-port", str(base)])
    assert f"port {base + 3} (csms)" in said
    assert "--base-port" in said


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "Not a directory" in _refused(_command(tmp_path / "file/demo"))


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    assert "not empty" in _refused(_command(tmp_path))
    assert (tmp_path / "precious").read_text() == "mine"


def test_a_missing_program_is_one_sentence(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom isolane.cli.demo import command\ncommand._mosquitto = lambda: None\n"
        "from isolane.cli.main import main\nsys.exit(main(sys.argv[1:]))\n"
    )
    folder = tmp_path / "demo"
    arguments = ["demo", "--folder", str(folder), "--base-port", str(free_base()), "--link", "mqtt"]
    assert "mosquitto is not installed" in _refused([sys.executable, "-c", code, *arguments])
