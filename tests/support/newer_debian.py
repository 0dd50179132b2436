"""This file fetches programs of a newer Debian release into build/peers; it guards that apt has verified each of them.

Some targets take what we send only in versions that this machine's release does not have. Their packages come from the
mirror that this machine uses, through an apt configuration of their own: Debian's key signs the lists, the lists have
the packages' hashes, nothing is installed, and neither root nor a change of this machine's sources is needed. It is
done once a checkout.
"""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_RELEASE = "trixie"
_HOME = Path(__file__).parents[2] / "build/peers" / _RELEASE
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_TIMEOUT_S = 300
_CONF = """
Dir::Etc::sourcelist "{home}/sources.list";
Dir::Etc::sourceparts "-";
Dir::Etc::trusted "{keyring}";
Dir::State::lists "{home}/lists";
Dir::State::status "{home}/status";
Dir::Cache "{home}/cache";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "3";
"""


def installed(package: str) -> Path:
    """Give the folder in which a package's files stand as they would under /; fetch it if it is not there."""
    return made(package, [package], lambda root, there: root.rename(there))


def made(name: str, packages: Sequence[str], make: Callable[[Path, Path], object]) -> Path:
    """Give the folder of what is made of packages; make it if it is not there.

    Args:
        name: Of the folder.
        packages: They are laid out together, as they would be under /.
        make: Gets where they are laid out, and the folder to make; what it leaves of the former is removed.
    """
    there = _HOME / "packages" / name
    there.parent.mkdir(parents=True, exist_ok=True)
    with (_HOME / ".lock").open("w", encoding="ascii") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)  # several test processes may want it at once
        if not there.exists():
            with _laid_out(packages) as root:
                make(root, there)
    return there


@contextmanager
def _laid_out(packages: Sequence[str]) -> Iterator[Path]:
    apt = _configured()
    fresh = _HOME / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    _run("apt-get", "-c", apt, "-qq", "download", *packages, folder=fresh)
    for archive in sorted(fresh.glob("*.deb")):
        _run("dpkg-deb", "-x", archive, fresh / "root", folder=fresh)
    yield fresh / "root"
    shutil.rmtree(fresh)


def _configured() -> Path:
    """Give an apt configuration that knows the newer release's packages."""
    conf = _HOME / "apt.conf"
    if not conf.exists():
        for name in ("lists/partial", "cache/archives/partial"):
            (_HOME / name).mkdir(parents=True, exist_ok=True)
        (_HOME / "status").touch()
        source = f"deb [signed-by={_KEYRING}] {_mirror()} {_RELEASE} main\n"
        (_HOME / "sources.list").write_text(source, encoding="ascii")
        draft = _HOME / "apt.conf.new"
        draft.write_text(_CONF.format(home=_HOME, keyring=_KEYRING), encoding="ascii")
        _run("apt-get", "-c", draft, "-qq", "update", "-o", "APT::Update::Error-Mode=any", folder=_HOME)
        draft.rename(conf)
    return conf


def _mirror() -> str:
    """Give the address from which this machine has its own Debian packages."""
    told = _told()
    if not told and os.geteuid() == 0:
        _run("apt-get", "-qq", "update", folder=_HOME)
        told = _told()
    assert told, "this machine's apt knows no Debian mirror; run apt-get update"
    return told.split()[0]


def _told() -> str:
    return _run(
        "apt-get",
        "indextargets",
        "--format",
        "$(REPO_URI)",
        "Created-By: Packages",
        "Origin: Debian",
        "Label: Debian",
        "Component: main",
        folder=_HOME,
    )


def _run(*command: str | Path, folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    assert done.returncode == 0, f"{command[0]}: {done.stderr}"
    return done.stdout
