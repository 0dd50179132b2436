"""This file reads the tree for the house tests."""

import ast
import gc
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Source:
    """One Python file of the tree."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """The path from the root, with forward slashes."""
        return self.path.relative_to(ROOT).as_posix()


@cache
def tracked(*patterns: str) -> tuple[Path, ...]:
    """List the files git tracks or would add, in order."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(sorted({path for name in listed.split("\n") if name and (path := ROOT / name).is_file()}))


@cache
def sources() -> tuple[Source, ...]:
    """Read every Python file of the package."""
    texts = {path: path.read_text(encoding="utf-8") for path in tracked("src/*.py")}
    # CPython 3.11's `ast.parse` is not re-entrant, and a collection may format a traceback, which parses too.
    gc.disable()
    try:
        return tuple(Source(path, text, ast.parse(text)) for path, text in texts.items())
    finally:
        gc.enable()
