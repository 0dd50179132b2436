"""This file makes a version in its folder; it guards that nothing gets in but what was signed, and that it was tried.

The folder is an own virtual environment, made by the Python that runs this, and filled by pip from the bundle's wheels
alone: no index is asked, no source package is built, each hash is compared once more. All of it runs at idle priority.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from isolane.cli.update.bundle import lock, take
from isolane.core.failures import IsolaneError
from isolane.security.release import Release

_BUILD_S: Final = 900
_CHECK_S: Final = 120
_IDLE: Final = ("nice", "-n", "19")
_PIP: Final = (
    *("-m", "pip", "--isolated", "--disable-pip-version-check", "--no-input", "install", "--quiet", "--no-cache-dir"),
    *("--no-index", "--no-deps", "--require-hashes", "--only-binary", ":all:"),
)


def build(bundle: Path, release: Release, place: Path) -> None:
    """Make a version in a folder that is not there.

    Raises:
        IsolaneError: A file is not what was signed, or it cannot be installed; the folder is half.
    """
    wheels, pins = place / "wheels", place / "lock.txt"
    try:
        wheels.mkdir(parents=True)
        take(bundle, release, wheels)
        _run(_BUILD_S, *_IDLE, sys.executable, "-m", "venv", str(place))
        pins.write_text(lock(release.files), encoding="ascii")
        _run(_BUILD_S, *_IDLE, str(place / "bin/python"), *_PIP, "--find-links", str(wheels), "-r", str(pins))
        shutil.rmtree(wheels)
    except OSError as error:
        raise IsolaneError(f"cannot make {place}: {error.strerror}", "see the disk and its rights") from error
    said = _run(_CHECK_S, str(place / "bin/isolane"), "--version")
    if said.strip() != f"isolane {release.version}":
        raise IsolaneError(f"the bundle of {release.version} says of itself: {said.strip()[:80]}", "get another bundle")


def check(place: Path, files: Sequence[Path], before: Path | None) -> None:
    """Have a version check the site's own settings, as `isolane check` does.

    Args:
        place: Its folder.
        files: Settings files.
        before: Folder of the version in force: what fails with that one too is not the new one's fault.

    Raises:
        IsolaneError: It cannot read them, or something fails that did not fail before.
    """
    for file in files:
        code, bad = _failures(place, file)
        if code not in {0, 1}:
            raise IsolaneError(f"the new version cannot use {file}: {'; '.join(bad)[:500]}", "see its release notes")
        known = _failures(before, file)[1] if bad and before is not None else []
        if new := [line for line in bad if line not in known]:
            raise IsolaneError(f"{file} fails the new version's check: {'; '.join(new)[:500]}", "put that right first")


def _failures(place: Path, file: Path) -> tuple[int, list[str]]:
    words = [str(place / "bin/isolane"), "check", "-c", str(file)]
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, check=False, timeout=_CHECK_S, env=_environment(), cwd="/"
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return 2, [f"isolane check: {error}"]
    if done.returncode not in {0, 1}:
        return done.returncode, [done.stderr.strip() or f"exit code {done.returncode}"]
    lines = [line.strip() for line in done.stdout.splitlines()]
    bad = [line for line in lines if line.startswith("FAIL") or " not read: " in line]
    return done.returncode, bad if bad or not done.returncode else [done.stderr.strip()[-500:] or "exit code 1"]


def _run(within_s: float, *words: str) -> str:
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, check=False, timeout=within_s, env=_environment(), cwd="/"
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise IsolaneError(f"{words[0]} does not work: {error}", "is python3-venv installed?") from error
    if done.returncode:
        said = (done.stderr + done.stdout).strip()[-800:]
        raise IsolaneError(f"the new version cannot be made: {said}", "get another bundle, or see the disk")
    return done.stdout


def _environment() -> dict[str, str]:
    """Give this process's environment without what would bring other packages in."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PIP_", "VIRTUAL_ENV"))}
