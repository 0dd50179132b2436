"""This file reads the locks; it guards that nothing is installed which is not pinned to a version and to its hashes."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCKS = ROOT / "requirements"
INSTALL = ("--require-hashes", "--no-deps", "--only-binary", ":all:")
"""How a lock is installed: what is no wheel would run its own program to become one."""
_PINNED = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(\[[^]]+\])?==(?P<version>[A-Za-z0-9.!+_-]+)(\s*;.*)?$")
_HASH = re.compile(r"^--hash=sha256:[0-9a-f]{64}$")


def canonical(name: str) -> str:
    """Give a package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements(text: str) -> Iterator[tuple[str, list[str]]]:
    """Give each requirement of a lock, and the options behind it."""
    for line in text.replace("\\\n", " ").splitlines():
        words = line.split(" #")[0].strip()
        if words and not words.startswith("#"):
            head, *options = re.split(r"\s+(?=--)", words)
            yield head.strip(), [option.strip() for option in options]


def wrong(text: str) -> list[str]:
    """Give what is wrong with a lock: options, addresses, ranges, missing or weak hashes."""
    found, names = [], set()
    for head, options in requirements(text):
        pinned = _PINNED.match(head)
        if pinned is None:
            found.append(f"not pinned: {head:.80}")
        elif not options:
            found.append(f"no hash: {head:.80}")
        found += [f"{head.split('==')[0]}: {option:.40}" for option in options if not _HASH.match(option)]
        names.add(head)
    return found if names else ["it is empty"]


def pinned(text: str) -> dict[str, set[str]]:
    """Give the versions of each package in a lock; more than one where interpreters differ."""
    versions: dict[str, set[str]] = {}
    for head, _ in requirements(text):
        if match := _PINNED.match(head):
            versions.setdefault(canonical(match["name"]), set()).add(match["version"])
    return versions


def wrong_locks(folder: Path = LOCKS) -> list[str]:
    """Give what is wrong with all locks, and with one another: each must be a part of the developers'."""
    found = []
    whole = pinned((folder / "dev.txt").read_text(encoding="utf-8"))
    for lock in sorted(folder.glob("*.txt")):
        text = lock.read_text(encoding="utf-8")
        found += [f"{lock.name}: {fault}" for fault in wrong(text)]
        if not lock.with_suffix(".in").exists():
            found += [
                f"{lock.name}: {name} is not as in dev.txt"
                for name, versions in pinned(text).items()
                if not versions <= whole.get(name, set())
            ]
    return found
