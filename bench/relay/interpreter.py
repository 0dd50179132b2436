"""This file chooses the relay's interpreter; it guards that the distribution's builds are compared with one another.

HAProxy and nginx are the distribution's packages, built with all its optimisations. A Python that somebody has built
without profile-guided optimisation, as version managers do by default, costs the relay five to ten percent more, as if
that were its own doing. So the relay runs on the distribution's Python where there is one, in an
environment of its own that is kept in build/bench; where there is none, on the one that runs this bench.
"""

import os
import subprocess
import sys
from pathlib import Path

_DISTRIBUTION = Path("/usr/bin/python3")
_HOME = Path("build/bench/relay-venv")
_LOCK = Path("requirements/base.txt")
_USABLE = "import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))"


def relay_python() -> str:
    """Give the interpreter that the relay runs on; make its environment if there is none.

    Raises:
        subprocess.CalledProcessError: The locked packages cannot be installed.
    """
    if not _is_usable():
        return sys.executable
    python = _HOME.absolute() / "bin/python"
    made = _HOME / ".installed"
    if not made.exists() or made.stat().st_mtime < _LOCK.stat().st_mtime:
        subprocess.run([_DISTRIBUTION, "-m", "venv", "--clear", _HOME], check=True)
        install = [
            str(python),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--require-hashes",
            "-r",
        ]
        subprocess.run([*install, str(_LOCK)], check=True)
        (packages,) = _HOME.glob("lib/python3*/site-packages")
        (packages / "isolane.pth").write_text(f"{Path('src').absolute()}\n", encoding="utf-8")
        made.touch()
    return str(python)


def described(python: str) -> str:
    """Say which interpreter it is."""
    told = subprocess.run([python, "-VV"], check=True, capture_output=True, text=True).stdout.split()[1]
    whose = "the distribution's" if python != sys.executable else "this bench's"
    return f"{whose} CPython {told}"


def _is_usable() -> bool:
    if not _DISTRIBUTION.exists():
        return False
    if subprocess.run([_DISTRIBUTION, "-c", _USABLE], check=False, capture_output=True).returncode == 0:
        return True
    if os.geteuid() == 0 and Path("/usr/bin/apt-get").exists():
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for words in (["update"], ["install", "-y", "--no-install-recommends", "python3-venv"]):
            subprocess.run(["/usr/bin/apt-get", "-qq", *words], check=False, stdout=subprocess.DEVNULL, env=quiet)
    return subprocess.run([_DISTRIBUTION, "-c", _USABLE], check=False, capture_output=True).returncode == 0
