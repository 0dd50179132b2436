"""This file runs tools/frontend where things are missing; it guards that a demo goes on without them."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEEDED = ("bash", "dirname", "sha256sum", "cut", "cat", "id", "mktemp", "rm", "mkdir", "cp", "grep")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A checkout with nothing but what the script needs, and a folder of programs without npm."""
    (tmp_path / "tools").mkdir()
    (tmp_path / "bin").mkdir()
    shutil.copy(ROOT / "tools/frontend", tmp_path / "tools/frontend")
    shutil.copytree(ROOT / "frontend", tmp_path / "frontend", ignore=shutil.ignore_patterns("node_modules"))
    for name in NEEDED:
        (tmp_path / "bin" / name).symlink_to(shutil.which(name) or name)
    return tmp_path


def run(tree: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": str(tree / "bin")}
    return subprocess.run(
        [str(tree / "bin/bash"), str(tree / "tools/frontend")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_without_npm_one_sentence_names_it(tree: Path) -> None:
    done = run(tree)
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1
    assert "npm is missing" in done.stdout
    assert "numbers without charts" in done.stdout


def test_a_failing_npm_stops_nothing(tree: Path) -> None:
    npm = tree / "bin/npm"
    npm.write_text("#!/bin/sh\necho npm error code ENOTFOUND >&2\nexit 1\n")
    npm.chmod(0o755)
    done = run(tree)
    assert done.returncode == 0
    assert "ENOTFOUND" in done.stdout
    assert not (tree / "src").exists()


def test_the_lock_names_no_address() -> None:
    lock = (ROOT / "frontend/package-lock.json").read_text()
    assert "resolved" not in lock
    assert "http" not in lock
    assert lock.count("integrity") == 3
