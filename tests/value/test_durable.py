"""This file checks that a file is replaced whole, for its owner alone, or not at all."""

from pathlib import Path

import pytest

from isolane.value.durable import replace_file


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
