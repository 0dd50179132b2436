"""This file makes bundles and takes their files in; it guards that what is installed is what was hashed.

A bundle is a folder: wheels, `release.json` while it is not signed, `release.jws` once it is, and maybe `keys.jws`, a
list of release keys that follows the one on the box. Nothing in it is believed: each file is copied to the box's own
disk while it is hashed, and installed from there.
"""

import hashlib
import re
import shutil
from pathlib import Path
from typing import Final

from isolane.core.durable import replace_file
from isolane.core.failures import IsolaneError
from isolane.security.envelope import EnvelopeError, Signs, add, seal
from isolane.security.key_manifest import ManifestError, Trusted, first, follow
from isolane.security.release import BYTES_MAX, RELEASE, Release, ReleaseError, open_release, read, write

SIGNED: Final = "release.jws"
UNSIGNED: Final = "release.json"
KEYS: Final = "keys.jws"
_CHUNK: Final = 1 << 20
_SPREAD: Final = 4
"""A wheel, its copy, what is in it, and what Python makes of that take so many times its bytes at most."""
_SPARED_BYTES: Final = 64 << 20
"""What an update leaves to whoever else lives on the disk."""
_WHEEL: Final = re.compile(
    r"(?P<name>[A-Za-z0-9_.]+)-(?P<version>[A-Za-z0-9_.+!]+)(-[0-9][^-]*)?-[^-]+-[^-]+-[^-]+\.whl"
)


def make(folder: Path, version: str, number: int, issued: int, days: int) -> Release:
    """Write `release.json` of the wheels in a folder.

    Raises:
        IsolaneError: There is no wheel of isolane in this version, or such a release cannot be.
    """
    files = {path.name: _digest(path) for path in sorted(folder.glob("*.whl"))}
    if not any(name.startswith(f"isolane-{version}-") for name in files):
        raise IsolaneError(f"{folder} has no wheel of isolane {version}", "put it there: pip wheel --no-deps .")
    lock(files)
    try:
        payload = write(
            Release(v=1, version=version, number=number, issued=issued, expires=issued + days * 86_400, files=files)
        )
        release = read(payload)
    except ReleaseError as error:
        raise IsolaneError(f"such a release cannot be: {error}", "see docs/guides/update-a-box.md") from error
    (folder / SIGNED).unlink(missing_ok=True)
    replace_file(folder / UNSIGNED, payload)
    return release


def sign(folder: Path, signer: Signs) -> Release:
    """Add a signature to a bundle.

    Raises:
        IsolaneError: There is nothing to sign, or it has this signature already.
    """
    try:
        payload = _bytes(folder / UNSIGNED)
        release = read(payload)
        signed = folder / SIGNED
        data = add(_bytes(signed), signer, RELEASE, BYTES_MAX) if signed.exists() else seal(payload, [signer], RELEASE)
    except (ReleaseError, EnvelopeError) as error:
        raise IsolaneError(f"{folder} cannot be signed: {error}", "make it with: isolane update make") from error
    replace_file(signed, data)
    return release


def trusted(folder: Path, keys: Path, now_s: float) -> Trusted:
    """Give the release keys in force: the box's own, or those of the bundle that may follow them.

    Raises:
        IsolaneError: The box has none, or what the bundle brings may not follow.
    """
    brought = folder / KEYS
    try:
        mine = first(_bytes(keys))
        if not brought.exists():
            return mine
        try:
            return follow(mine, _bytes(brought), now_s)
        except ManifestError as error:
            if error.reason == "rollback":  # an older list in the bundle: what is in force here counts
                return mine
            raise
    except ManifestError as error:
        raise IsolaneError(f"the list of release keys is refused ({error.reason}): {error}") from error


def opened(folder: Path, keys: Trusted, now_s: float) -> tuple[Release, bytes]:
    """Give what a bundle says it holds, and its envelope.

    Raises:
        IsolaneError: It is refused.
    """
    data = _bytes(folder / SIGNED)
    try:
        return open_release(data, keys, now_s), data
    except ReleaseError as error:
        raise IsolaneError(
            f"the bundle is refused ({error.reason}): {error}", "get it again from who made it"
        ) from error


def take(folder: Path, release: Release, to: Path) -> None:
    """Copy a bundle's files, each of which must be as signed.

    Raises:
        IsolaneError: One is not there, or is another; the copy is not to be used.
    """
    _see_room(folder, release, to)
    for name, digest in release.files.items():
        found = hashlib.sha256()
        try:
            with (folder / name).open("rb") as source, (to / name).open("xb") as copy:
                while chunk := source.read(_CHUNK):
                    found.update(chunk)
                    copy.write(chunk)
        except OSError as error:
            raise IsolaneError(f"cannot copy {folder / name}: {error.strerror}", "get the bundle again") from error
        if found.hexdigest() != digest:
            raise IsolaneError(f"{name} is not the file that was signed", "get the bundle again from who made it")


def _see_room(folder: Path, release: Release, to: Path) -> None:
    """See that what a bundle brings, whatever its size, does not fill the disk."""
    try:
        needed = _SPREAD * sum((folder / name).stat().st_size for name in release.files) + _SPARED_BYTES
        free = shutil.disk_usage(to).free
    except OSError as error:
        raise IsolaneError(f"cannot copy {error.filename}: {error.strerror}", "get the bundle again") from error
    if free < needed:
        raise IsolaneError(
            f"{to} has {free >> 20} MB left, and the bundle takes {needed >> 20} MB", "make room on the disk"
        )


def lock(files: dict[str, str]) -> str:
    """Give the requirements that pin exactly these wheels.

    Raises:
        IsolaneError: A file is no wheel.
    """
    pins: dict[str, list[str]] = {}
    for name, digest in files.items():
        found = _WHEEL.fullmatch(name)
        if found is None:
            raise IsolaneError(f"{name} is no wheel", "a bundle has wheels alone")
        pins.setdefault(f"{found['name']}=={found['version']}", []).append(f"--hash=sha256:{digest}")
    names = [re.sub(r"[-_.]+", "-", pin.partition("==")[0]).lower() for pin in pins]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise IsolaneError(f"two versions of {', '.join(twice)}", "leave one")
    return "".join(f"{pin} {' '.join(hashes)}\n" for pin, hashes in pins.items())


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(BYTES_MAX + 1)  # what is longer is refused by who reads it
    except OSError as error:
        raise IsolaneError(f"cannot read {path}: {error.strerror}") from error
