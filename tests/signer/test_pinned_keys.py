"""This file offers manifests to a signer; it guards that only root holders change whom it believes."""

from pathlib import Path

import pytest

from isolane.core.failures import IsolaneError
from isolane.signer.pinned_keys import PinnedKeys
from support.circles import Circle
from support.signers import holder, manifest, signed

UTC_S = 1_700_000_000


def test_a_newer_manifest_of_the_same_roots_replaces_the_pinned_one(circle: Circle) -> None:
    keys = PinnedKeys(circle.keys)
    assert keys.follow([circle.manifest(2), circle.manifest(4)], UTC_S) == ""
    assert keys.current.manifest.version == 4
    assert PinnedKeys(circle.keys).current.manifest.version == 4
    assert keys.follow([circle.manifest(3)], UTC_S) == ""
    assert keys.current.manifest.version == 4


def test_what_may_not_follow_changes_nothing(circle: Circle, tmp_path: Path) -> None:
    keys = PinnedKeys(circle.keys)
    strangers = [holder(tmp_path, name, "root") for name in ("eve", "mallory")]
    foreign = signed(manifest(9, strangers, issued=UTC_S, expires=UTC_S + 9999), strangers)
    assert keys.follow([foreign], UTC_S).startswith("threshold")
    assert keys.follow([b"junk"], UTC_S).startswith("malformed")
    assert keys.follow([circle.manifest(2, expires=UTC_S + 5)], UTC_S + 6).startswith("expired")
    assert keys.current.manifest.version == 1


def test_without_a_first_one_there_is_no_signer(tmp_path: Path) -> None:
    with pytest.raises(IsolaneError, match="cannot read the key manifest"):
        PinnedKeys(tmp_path / "none.jws")
    (tmp_path / "bad.jws").write_bytes(b"{}")
    with pytest.raises(IsolaneError, match="is refused"):
        PinnedKeys(tmp_path / "bad.jws")
