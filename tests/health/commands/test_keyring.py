"""This file changes who may command; it guards that the manifest in force is kept, whole, across restarts."""

from pathlib import Path

import pytest

from isolane.core.failures import IsolaneError
from isolane.health.commands.keyring import Keyring
from isolane.security.key_manifest import ManifestError
from support.commanded import UTC_S, People
from support.signers import holder, manifest, signed


def test_a_manifest_with_new_roots_is_in_force_after_a_restart(tmp_path: Path, people: People) -> None:
    path = tmp_path / "keys.jws"
    path.write_bytes(people.manifest(1))
    ring = Keyring(path)
    new = [holder(tmp_path, name, "root") for name in ("xia", "yan")]
    said = manifest(2, [*new, people.ann], issued=UTC_S, expires=UTC_S + 100)
    assert ring.renew(signed(said, [*people.roots, *new]), UTC_S)
    assert not ring.renew(ring.current.data, UTC_S)
    again = Keyring(path)
    assert again.current == ring.current
    with pytest.raises(ManifestError):
        again.renew(people.manifest(3), UTC_S)
    assert Keyring(path).current == ring.current
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".new")] == []


def test_without_a_first_manifest_a_person_is_told(tmp_path: Path) -> None:
    with pytest.raises(IsolaneError, match="by hand"):
        Keyring(tmp_path / "none")
    (tmp_path / "keys.jws").write_bytes(b"{}")
    with pytest.raises(IsolaneError, match="refused"):
        Keyring(tmp_path / "keys.jws")
