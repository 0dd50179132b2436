"""This file checks that a file is replaced whole, for its owner alone, or not at all."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from isolane.core.durable import append, locked, replace_file


def test_a_file_is_replaced_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old")
    path.chmod(0o644)
    replace_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["x"]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.mkdir()
    with pytest.raises(OSError, match=r"."):
        replace_file(path, b"new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["x"]


def test_one_at_a_time_changes_a_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with locked(path, 0):
        with pytest.raises(TimeoutError, match="somebody else"), locked(path, 0.1):
            pass
        replace_file(path, b"new")
        with pytest.raises(TimeoutError), locked(path, 0):
            pass
    with locked(path, 0):
        assert path.read_bytes() == b"new"
    with pytest.raises(OSError, match="No such"), locked(tmp_path / "absent" / "x", 0):
        pass


def test_what_a_kill_left_is_no_obstacle(tmp_path: Path) -> None:
    stray = tmp_path / f".x.{threading.get_native_id()}.new"
    stray.write_bytes(b"cut")
    replace_file(tmp_path / "x", b"new")
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [("x", b"new")]


def test_appended_bytes_come_behind_the_others(tmp_path: Path) -> None:
    path = tmp_path / "x"
    assert append(path, b"one") == 3
    assert append(path, b"two") == 6
    assert path.read_bytes() == b"onetwo"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_may_not_grow_stays_as_it_was(tmp_path: Path) -> None:
    """The system writes up to its limit, then refuses the rest."""
    code = (
        "import pathlib, resource, signal\n"
        "from isolane.core.durable import append\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))\n"
        "for name in ('old', 'fresh'):\n"
        "    try:\n"
        "        append(pathlib.Path(name), bytes(20))\n"
        "    except OSError as error:\n"
        "        print(error.strerror)\n"
    )
    (tmp_path / "old").write_bytes(b"four")
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["File too large"] * 2
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [("old", b"four")]
