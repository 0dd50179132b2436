"""This file installs the peers into build/interop; it guards that they come from locks and run no install scripts."""

import hashlib
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
BUILD = Path("build/interop")
MODULES = BUILD / "node"
PYTHON = BUILD / "venv" / "bin" / "python"
_LOCK = Path("requirements/interop.txt")


def install() -> None:
    """Install what is missing or was made from other locks.

    Raises:
        SystemExit: Something cannot be installed.
    """
    BUILD.mkdir(parents=True, exist_ok=True)
    _have_node()
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(_node), pool.submit(_python)]:
            done.result()


def _have_node() -> None:
    if shutil.which("node") and shutil.which("npm"):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise SystemExit("install nodejs and npm first (Debian: apt-get install nodejs npm)")
    for words in (["update"], ["install", "-y", "--no-install-recommends", "nodejs", "npm"]):
        _run(["apt-get", "-qq", *words])


def _node() -> None:
    locks = (HERE / "package.json", HERE / "package-lock.json")
    stamp = MODULES / ".installed"
    if _fresh(stamp, locks):
        return
    print("interop: installing the locked Node peers", flush=True)
    MODULES.mkdir(exist_ok=True)
    for lock in locks:
        shutil.copy(lock, MODULES)
    _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], MODULES)
    stamp.write_text(_digest(locks), encoding="ascii")


def _python() -> None:
    stamp = BUILD / "venv" / ".installed"
    if _fresh(stamp, (_LOCK,)) and PYTHON.exists():
        return
    print("interop: installing the locked Python peers", flush=True)
    _run([sys.executable, "-m", "venv", "--clear", str(BUILD / "venv")])
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "--require-hashes", "--only-binary", ":all:", "-r", str(_LOCK)])
    stamp.write_text(_digest((_LOCK,)), encoding="ascii")


def _fresh(stamp: Path, locks: tuple[Path, ...]) -> bool:
    return stamp.exists() and stamp.read_text(encoding="ascii") == _digest(locks)


def _digest(locks: tuple[Path, ...]) -> str:
    return hashlib.sha256(b"".join(lock.read_bytes() for lock in locks)).hexdigest()


def _run(command: list[str], folder: Path | None = None) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=600)
    if done.returncode:
        raise SystemExit(f"interop: {' '.join(command[:3])} failed: {(done.stderr or done.stdout).strip()[-500:]}")
