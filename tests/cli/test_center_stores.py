"""This file runs `isolane center backup`, `restore` and `doctor` as people do."""

from pathlib import Path

import pytest

from isolane.center.store.database import open_database
from isolane.cli import main


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Settings of a center that has been started once."""
    open_database(tmp_path / "data/catalogue.sqlite3").dispose()
    for name in ("data", "new"):
        (tmp_path / f"{name}.toml").write_text(f'[center]\ndata = "{name}"\n', encoding="utf-8")
    return tmp_path / "data.toml"


def test_a_center_is_saved_restored_and_examined(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved, new = str(tmp_path / "saved.tar"), str(tmp_path / "new.toml")
    assert main.main(["center", "backup", "-c", str(config), saved]) == 0
    assert main.main(["center", "-c", new, "restore", saved]) == 0
    assert (tmp_path / "new/catalogue.sqlite3").stat().st_size == (tmp_path / "data/catalogue.sqlite3").stat().st_size
    assert main.main(["center", "restore", "-c", new, saved]) == 2
    told = capsys.readouterr()
    assert "saved 1 files" in told.out
    assert "is not empty" in told.err
    assert main.main(["center", "doctor", "-c", new]) == 1
    assert "hot.sqlite3: is not there" in capsys.readouterr().out
