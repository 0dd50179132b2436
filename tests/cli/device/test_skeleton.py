"""This file checks `isolane device new`: what it writes loads, is commented, and overwrites nothing."""

from pathlib import Path

import pytest

from isolane.cli import main
from isolane.devices.template import load_file

Said = pytest.CaptureFixture[str]


def new(*words: str | Path) -> int:
    return main.main(["device", "new", *map(str, words)])


def test_a_new_template_loads_as_it_is(tmp_path: Path) -> None:
    assert new("acme_em3", "--dir", tmp_path) == 0
    template = load_file(tmp_path / "acme_em3.toml")
    assert (template.maker, template.model) == ("Acme", "EM3")
    assert "docs/reference/devices.md" in (tmp_path / "acme_em3.toml").read_text(encoding="utf-8")


def test_what_is_commented_out_is_right_too(tmp_path: Path) -> None:
    assert new("acme_em3", "--dir", tmp_path) == 0
    file = tmp_path / "acme_em3.toml"
    text = file.read_text(encoding="utf-8")
    keys = ("serial", "unit", "note", "checked", "[[", "address", "type", "range", "name", "words")
    lines = [
        line.removeprefix("# ") if line.startswith(tuple(f"# {key}" for key in keys)) else line
        for line in text.splitlines()
    ]
    lines = [line for line in lines if not line.startswith(("address:", "type:"))]
    file.write_text("\n".join(lines), encoding="utf-8")
    template = load_file(file)
    assert template.serial == "9600 8N1"
    assert template.marks[0].range == (1648, 1653)
    assert template.identity[0].name == "serial"


def test_nothing_is_overwritten_and_names_are_sound(tmp_path: Path, capsys: Said) -> None:
    assert new("acme_em3", "--dir", tmp_path) == 0
    assert new("acme_em3", "--dir", tmp_path) == 2
    assert new("Acme EM3", "--dir", tmp_path) == 2
    assert new("eastron_sdm630", "--dir", tmp_path) == 2
    assert new("acme_em4", "--dir", tmp_path / "none") == 2
    said = capsys.readouterr().err
    assert "is there already" in said
    assert "<maker>_<model>" in said
    assert "isolane device show eastron_sdm630" in said
    assert "cannot write" in said
