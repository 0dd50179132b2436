"""This file keeps out of the tree what must never be published: addresses of registries, paths of a machine, keys."""

import re

from support.tree import ROOT, tracked

TEXT = {".py", ".md", ".toml", ".txt", ".json", ".js", ".css", ".html", ".yaml", ".yml", ".service", ".conf", ".sh", ""}
REGISTRIES = re.compile(
    "|".join(
        map(re.escape, ("pythonhosted" + ".org", "//pypi" + ".org", "registry" + ".npmjs", "deb.debian" + ".org"))
    ),
)
KEY = re.compile("-----BEGIN [A-Z ]*PRIVATE" + " KEY-----")
HOME = re.compile(r"(?<![A-Za-z0-9_.~])/(?:home|Users|root|work)/[a-z]")
FILE_BYTES_MAX = 512 * 1024


def _texts() -> dict[str, str]:
    paths = [path for path in tracked(".") if path.suffix in TEXT and path.stat().st_size < FILE_BYTES_MAX]
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8", errors="replace") for path in paths}


def test_no_registry_address_machine_path_or_key() -> None:
    found = [
        f"{name}: {match[0]}"
        for name, text in _texts().items()
        for pattern in (REGISTRIES, KEY, HOME)
        for match in pattern.finditer(text)
        if "/hashes" not in name
    ]
    assert not found


def test_nothing_large_is_tracked() -> None:
    large = {path.name: size for path in tracked(".") if (size := path.stat().st_size) > FILE_BYTES_MAX}
    assert not large


def test_locks_pin_every_package_by_hash() -> None:
    for lock in tracked("requirements/*.txt"):
        entries = re.split(r"\n(?=\S)", lock.read_text(encoding="utf-8").strip())
        loose = [entry.split("\n")[0] for entry in entries if "==" not in entry or "--hash=sha256:" not in entry]
        assert not loose, f"{lock.name}: {loose}"
