"""This file checks that a note which lists a room's files lists all of them, each once, and none that is not there."""

import ast
import re

import pytest

from support.tree import ROOT


@pytest.mark.parametrize("room", ["tap", "value"])
def test_a_note_leads_to_every_file(room: str) -> None:
    folder = ROOT / "src/isolane" / room
    note = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))) or ""
    rows = re.findall(r"^- [^:]*:((?:.|\n  )*)", note, re.MULTILINE)
    listed = [name for row in rows for name in re.findall(r"\b[a-z_0-9]+\b(?=,|$|\n)", row, re.MULTILINE)]
    folders = re.findall(r"^- ([a-z_]+)/:", note, re.MULTILINE)
    files = {file.stem for file in folder.glob("*.py")} - {"__init__"}
    assert {name: listed.count(name) for name in files} == dict.fromkeys(files, 1)
    assert set(folders) == {path.name for path in folder.iterdir() if (path / "__init__.py").exists()}
