"""This file looks for secrets in the tree; it guards that one is found whatever file it is in.

What looks like one and is none is named in known.toml with its reason, by file, kind and number: another one in the
same file is found. Test data (tests/, bench/) may hold words like passwords, but no key and no token of a service.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from pathlib import Path

from bench.supply.locks import ROOT

KNOWN = Path(__file__).with_name("known.toml")
_TEST_DATA = {"Secret Keyword", "Basic Auth Credentials", "Hex High Entropy String", "Base64 High Entropy String"}
_REFERENCE = re.compile(r"""= ["'](file|env):[\w./-]+["'`]""")
_TEST_FOLDERS = ("tests/", "bench/")


def tracked(root: Path = ROOT) -> list[str]:
    """Give the files in version control, which are those of a source package and of an image."""
    git = shutil.which("git") or "/usr/bin/git"
    said = subprocess.run([git, "-C", str(root), "ls-files", "-z"], capture_output=True, text=True, check=True)
    return [name for name in said.stdout.split("\0") if name and (root / name).is_file()]


def scan(root: Path, names: list[str]) -> Counter[tuple[str, str]]:
    """Count what detect-secrets finds, by file and kind, in a copy of the files alone.

    Raises:
        RuntimeError: The tool failed.
    """
    program = Path(sys.executable).with_name("detect-secrets")
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            target = Path(folder, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, target)
        command = [str(program), "scan", "--all-files", "."]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"detect-secrets: {done.stderr[-300:]}")
    results = json.loads(done.stdout)["results"]
    return Counter(
        (name, str(one["type"]))
        for name, found in results.items()
        for one in found
        if not _refers(root / name, one["line_number"])
    )


def _refers(file: Path, number: int) -> bool:
    """Tell whether a line names where a secret is: `password = "file:smtp"`."""
    line = file.read_text(encoding="utf-8", errors="replace").splitlines()[number - 1]
    return _REFERENCE.search(line) is not None


def unknown(found: Counter[tuple[str, str]], known: Path = KNOWN) -> list[str]:
    """Give what is found and neither test data nor known, and what is known and not there any more."""
    table = tomllib.loads(known.read_text(encoding="utf-8"))["known"]
    allowed = {(one["file"], one["kind"]): int(one["number"]) for one in table}
    wrong = []
    for (name, kind), number in sorted(found.items()):
        if name.startswith(_TEST_FOLDERS) and kind in _TEST_DATA:
            continue
        if number > allowed.get((name, kind), 0):
            wrong.append(f"{name}: {number} x {kind}")
    return wrong + [f"{name}: {kind} is known and not there" for name, kind in allowed if (name, kind) not in found]
