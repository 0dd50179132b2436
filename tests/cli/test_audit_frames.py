"""This file proves messages with `isolane audit frames`, and changes what should not be changed."""

import json
from pathlib import Path

import pytest

from isolane.cli.main import main
from isolane.core.clock import SystemClock
from isolane.tap.frame_tree import FrameTree, files

START = b'[2,"7","StartTransaction",{"connectorId":1,"idTag":"TAG-1"}]'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    kept = tmp_path / "frames"
    for turn in range(2):
        tree = FrameTree(kept, "gw-1", 2**30, SystemClock())
        for number in range(9):
            tree.note(f"CP{number % 3}", number % 2, number, b"[%d,%d]" % (turn, number))
            tree.tell()
        tree.note("CP1", 0, 99, START)
        tree.gap("CP2", 1, 100, "copies-lost")
        tree.close()
    (tmp_path / "start.json").write_bytes(START)
    return kept


def _run(*words: str | Path) -> int:
    return main(["audit", "frames", *map(str, words)])


def _root(folder: Path) -> tuple[int, str]:
    told = json.loads(files(folder)[-1].read_text().splitlines()[-1])
    return told["size"], told["root"]


def test_a_folder_is_what_was_written(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    size, root = _root(folder)
    assert _run("verify", folder) == 0
    assert "frames-000002.jsonl: 10 messages, 1 gaps, 12 entries under a root" in capsys.readouterr().out
    assert _run("verify", folder, "--file", "2", "--size", str(size), "--root", root) == 0
    assert _run("verify", folder, "--file", "2", "--size", str(size - 1), "--root", root) == 1
    assert _run("verify", folder, "--file", "3", "--size", str(size), "--root", root) == 1
    assert _run("verify", folder, "--root", root) == 2


@pytest.mark.parametrize("change", ["a hash", "a line less", "a file less", "another history"])
def test_what_was_changed_shows(folder: Path, change: str) -> None:
    first, second = files(folder)
    size, root = _root(folder)
    lines = second.read_text().splitlines(keepends=True)
    if change == "a hash":
        second.write_text("".join(lines).replace('"c":"CP1"', '"c":"CP9"', 1))
    elif change == "a line less":
        second.write_text("".join([lines[0], *lines[2:]]))
    elif change == "a file less":
        second.unlink()
    else:  # made anew from the beginning, whole in itself: only a root from elsewhere tells
        second.unlink()
        tree = FrameTree(folder, "gw-1", 2**30, SystemClock())
        tree.close()
        assert _run("verify", folder) == 0
    assert first.exists()
    assert _run("verify", folder, "--file", "2", "--size", str(size), "--root", root) == 1


def test_one_message_is_proved_offline_and_no_other(folder: Path, tmp_path: Path) -> None:
    proof, message, other = tmp_path / "start.proof", tmp_path / "start.json", tmp_path / "other.json"
    other.write_bytes(START.replace(b"TAG-1", b"TAG-2"))
    assert _run("prove", folder, "--charger", "CP1", "--message", message, "--out", proof) == 0
    _, root = _root(folder)
    assert _run("check", proof, "--message", message, "--root", root) == 0
    assert _run("check", proof, "--message", other, "--root", root) == 1
    assert _run("check", proof, "--message", message, "--root", "00" * 32) == 1
    assert _run("prove", folder, "--charger", "CP1", "--message", other, "--out", tmp_path / "no") == 1
    assert _run("prove", folder, "--charger", "CP2", "--message", message, "--out", tmp_path / "no") == 1
    assert not (tmp_path / "no").exists()
    assert b"TAG-1" not in proof.read_bytes()


def test_a_proof_can_be_for_a_root_that_was_logged(folder: Path, tmp_path: Path) -> None:
    first = files(folder)[0]
    told = [json.loads(line) for line in first.read_text().splitlines() if line.startswith('{"size"')]
    (tmp_path / "third.json").write_bytes(b"[0,3]")
    words = ("--charger", "CP0", "--message", tmp_path / "third.json", "--out", tmp_path / "third.proof")
    assert _run("prove", folder, "--file", "1", "--size", str(told[5]["size"]), *words) == 0
    message = ("--message", tmp_path / "third.json")
    assert _run("check", tmp_path / "third.proof", *message, "--root", told[5]["root"]) == 0
    assert _run("check", tmp_path / "third.proof", *message, "--root", told[6]["root"]) == 1
    assert _run("prove", folder, "--file", "2", *words) == 1


def test_what_is_no_proof_is_said_in_one_sentence(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "proof").write_text('{"entry": "{}"}')
    assert _run("check", tmp_path / "proof", "--message", tmp_path / "start.json", "--root", "00") == 2
    assert _run("check", tmp_path / "none", "--message", tmp_path / "start.json", "--root", "00") == 2
    assert _run("verify", tmp_path) == 2
    assert folder.exists()
