"""This file makes the bill of materials; it guards that it names everything that is installed, and nothing else."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.supply.locks import LOCKS, canonical, pinned

_ASK = (
    "import importlib.metadata as m, json; "
    "print(json.dumps(sorted({(d.metadata['Name'], d.version) for d in m.distributions()})))"
)
_WITH_PYTHON = {"pip", "setuptools"}
"""What a virtual environment brings by itself."""


def bill_of_materials(python: Path, words: tuple[str, ...] = ("--of", "JSON")) -> dict[str, Any]:
    """Give an environment's bill of materials (CycloneDX).

    Args:
        python: Its interpreter or folder.
        words: Further arguments of `cyclonedx-py environment`.

    Raises:
        RuntimeError: The tool failed.
    """
    program = Path(sys.executable).with_name("cyclonedx-py")
    done = subprocess.run([program, "environment", str(python), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"cyclonedx-py: {done.stderr[-300:]}")
    document = json.loads(done.stdout)
    if document.get("bomFormat") != "CycloneDX":
        raise RuntimeError("this is no CycloneDX document")
    return dict(document)


def installed(python: Path) -> set[tuple[str, str]]:
    """Give name and version of everything that an interpreter has, by its own word."""
    done = subprocess.run([python, "-c", _ASK], capture_output=True, text=True, check=True)
    return {(canonical(name), version) for name, version in json.loads(done.stdout)}


def compare(bill: dict[str, Any], there: set[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """Give what the bill does not name, and what it names that is not there or not told apart."""
    components = bill.get("components", [])
    named = {(canonical(str(one["name"])), str(one.get("version", ""))) for one in components}
    missing = [f"{name} {version}" for name, version in sorted(there - named)]
    more = [f"{name} {version}" for name, version in sorted(named - there)]
    bare = [str(one["name"]) for one in components if not one.get("purl") and canonical(str(one["name"])) != "isolane"]
    return missing, more + [f"{name} has no package address" for name in bare]


def not_locked(there: set[tuple[str, str]], lock: Path = LOCKS / "dev.txt") -> list[str]:
    """Give what is installed beside what the lock names."""
    whole = pinned(lock.read_text(encoding="utf-8"))
    return [
        f"{name} {version}"
        for name, version in sorted(there)
        if name not in _WITH_PYTHON | {"isolane"} and version not in whole.get(name, set())
    ]
