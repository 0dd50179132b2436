"""This file checks that a file is replaced whole, for its owner alone, or not at all."""

from pathlib import Path

import pytest

from isolane.value.durable import locked, replace_file


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
