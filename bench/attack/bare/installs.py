"""This file installs from locks that are not what they should be; it guards that each refusal is the one meant."""

import asyncio
import hashlib
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.attack.bare import materials
from bench.attack.bare.court import Deed, sentence, step
from bench.attack.bare.local_index import NAME, SOURCE, VERSION, WHEEL, serving, source, wheel
from bench.supply import locks

_PIP = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-cache-dir")
_WORDS = "pip install --require-hashes --no-deps -r requirements.lock"
_INSTALL_S = 300
_BASE = locks.LOCKS / "base.txt"


@dataclass(frozen=True)
class Tried:
    """What an installation has come to."""

    code: int
    said: str
    modules: tuple[str, ...]


def install(lock: Path, *words: str, index: str | None = None) -> Tried:
    """Install a lock into a folder of its own, as tools/setup does.

    Args:
        lock: File.
        words: Further arguments.
        index: The only index there is; None for that of this machine.
    """
    only = ("--isolated", "--index-url", index) if index else ()
    environment = {name: value for name, value in os.environ.items() if not (index and name.startswith("PIP_"))}
    if index:
        environment["PIP_CONFIG_FILE"] = os.devnull
    with tempfile.TemporaryDirectory() as target:
        command = [*_PIP, *locks.INSTALL, *words, *only, "--target", target, "-r", str(lock)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=_INSTALL_S)
        return Tried(
            done.returncode, done.stdout + done.stderr, tuple(sorted(path.name for path in Path(target).iterdir()))
        )


@step("SC", "run")
async def run(deed: Deed) -> None:
    """Install the relay's own lock, which must be possible, or run the tool that a case names."""
    if deed.arg != _WORDS:
        await materials.run(deed)
        return
    deed.kept["lock"] = _BASE.read_text(encoding="utf-8")
    tried = await asyncio.to_thread(install, _BASE)
    if tried.code:
        raise RuntimeError(f"the lock cannot be installed as it is, so nothing would be proved: {tried.said[-300:]}")
    deed.notes.append(f"installed as it is: {len(tried.modules)} entries")


@step("SC", "mutate")
async def mutate(deed: Deed) -> None:
    """Change a hash of our own lock, and do to a small one what nobody should get through with."""
    deed.wants("one hash")
    wrong, entered = await asyncio.to_thread(_mutations, str(deed.kept["lock"]))
    deed.measures["mutated"] = "; ".join(wrong)
    deed.measures["NOENTRY"] = "; ".join(entered)


sentence("mutated", "fails")


def _mutations(text: str) -> tuple[list[str], list[str]]:
    wrong, entered = [], []
    with tempfile.TemporaryDirectory() as folder:
        lock = Path(folder, "lock.txt")
        lock.write_text(_other_hash(text), encoding="utf-8")
        tried = install(lock)
        if not tried.code or "DO NOT MATCH THE HASHES" not in tried.said:
            wrong.append(f"a changed hash: {tried.said[-200:] or 'installed'}")
        trace = Path(folder, "trace")
        good, evil, made = wheel("good"), wheel("evil"), source(trace)
        pin = f"{NAME}=={VERSION} --hash=sha256:{hashlib.sha256(good).hexdigest()}\n"
        made_pin = f"{NAME}=={VERSION} --hash=sha256:{hashlib.sha256(made).hexdigest()}\n"
        cases = [
            ("a tampered wheel", {WHEEL: evil}, pin, "DO NOT MATCH THE HASHES"),
            ("no hash", {WHEEL: good}, f"{NAME}=={VERSION}\n", "Hashes are required"),
            ("another index in the lock", {WHEEL: evil}, f"--index-url {{index}}\n{pin}", "DO NOT MATCH THE HASHES"),
            ("a source package", {SOURCE: made}, made_pin, "No matching distribution"),
        ]
        for name, files, words, refusal in [("the control", {WHEEL: good}, pin, ""), *cases]:
            with serving(files) as index:
                lock.write_text(words.replace("{index}", index.address), encoding="utf-8")
                tried = install(lock, index=index.address)
            if name == "the control" and tried.code:
                raise RuntimeError(f"the control was not installed: {tried.said[-300:]}")
            if name != "the control" and (not tried.code or refusal not in tried.said):
                wrong.append(f"{name}: {tried.said[-200:] or 'installed'}")
            if name != "the control" and tried.modules:
                entered.append(f"{name} has put {', '.join(tried.modules)} there")
        entered += ["a source package has run its program"] if trace.exists() else []
        wrong += [f"our locks: {fault}" for fault in locks.wrong_locks()]
    return wrong, entered


def _other_hash(text: str) -> str:
    """Change a digit of every hash of the last requirement: which file pip takes of it depends on the machine."""
    *rest, last = re.split(r"(?m)^(?=[a-z])", text)
    changed = re.sub(r"sha256:([0-9a-f])", lambda found: f"sha256:{(int(found[1], 16) + 1) % 16:x}", last)
    return "".join(rest) + changed
