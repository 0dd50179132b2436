"""This file tries to become one who may command; it guards that only the consent of the old and new roots does it."""

import base64
import json
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ec

from isolane.security.envelope import COMMAND, seal
from isolane.security.key_manifest import Manifest, ManifestError, first, follow, read, write
from support.signers import Holder, holder, manifest, signed

NOW = 1_700_000_000
YEAR = NOW + 365 * 86_400


class World:
    """Three old roots, two new ones, an operator."""

    def __init__(self, folder: Path) -> None:
        self.old = [holder(folder, name, "root") for name in ("ann", "bob", "cy")]
        self.new = [holder(folder, name, "root") for name in ("dan", "eve")]
        self.twin = holder(folder, "ann", "root", "twin")
        self.operator = holder(folder, "fay", "operator")

    def said(self, version: int, roots: list[Holder], expires: int = YEAR) -> Manifest:
        return manifest(version, [*roots, self.operator], issued=NOW, expires=expires)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("keys"))


def _reason(caught: pytest.ExceptionInfo[ManifestError]) -> str:
    return caught.value.reason


def test_a_first_manifest_is_signed_by_its_own_threshold(world: World) -> None:
    said = world.said(1, world.old)
    trusted = first(signed(said, world.old[:2]))
    assert trusted.manifest == said
    assert set(trusted.roots()) == {each.signer.key_id for each in world.old}
    assert not trusted.is_expired(YEAR - 1)
    assert trusted.is_expired(YEAR)
    with pytest.raises(ManifestError) as caught:
        first(signed(said, world.old[:1]))
    assert _reason(caught) == "threshold"


def test_two_keys_of_one_person_are_one_person(world: World) -> None:
    said = world.said(1, [*world.old, world.twin])
    with pytest.raises(ManifestError) as caught:
        first(signed(said, [world.old[0], world.twin]))
    assert _reason(caught) == "threshold"


def test_rotation_needs_old_and_new(world: World) -> None:
    current = first(signed(world.said(3, world.old), world.old))
    said = world.said(4, world.new)
    both = [*world.old[:2], *world.new]
    rotated = follow(current, signed(said, both), NOW)
    assert rotated.manifest == said
    assert first(rotated.data) == rotated
    assert follow(current, signed(world.said(9, world.old), world.old[1:]), NOW).manifest.version == 9
    for signers in (world.new, world.old, [*world.old[:1], *world.new], [*world.old[:2], *world.new[:1]]):
        with pytest.raises(ManifestError) as caught:
            follow(current, signed(said, signers), NOW)
        assert _reason(caught) == "threshold"


def test_what_is_old_or_expired_does_not_follow(world: World) -> None:
    data = signed(world.said(3, world.old), world.old)
    current = first(data)
    assert follow(current, data, NOW) is current
    for version, expires, now, reason in (
        (2, YEAR, NOW, "rollback"),
        (3, YEAR - 1, NOW, "rollback"),
        (4, NOW + 10, NOW + 10, "expired"),
    ):
        with pytest.raises(ManifestError) as caught:
            follow(current, signed(world.said(version, world.old, expires), world.old), now)
        assert _reason(caught) == reason


def test_others_sign_for_nothing(world: World) -> None:
    said = world.said(4, world.old)
    current = first(signed(world.said(3, world.old), world.old))
    for data in (
        signed(said, [*world.old, world.operator]),
        signed(said, [*world.old, world.new[0]]),
        seal(write(said), [each.signer for each in world.old], COMMAND),
        write(said),
    ):
        with pytest.raises(ManifestError) as caught:
            follow(current, data, NOW)
        assert _reason(caught) in {"signature", "malformed"}


def test_what_is_no_manifest_is_refused(world: World) -> None:
    said = world.said(1, world.old)
    key = said.keys[0]
    der = ec.generate_private_key(ec.SECP384R1()).public_key()
    foreign = base64.urlsafe_b64encode(der.public_bytes(form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo))
    for changed in (
        msgspec.structs.replace(said, keys=(*said.keys, key)),
        msgspec.structs.replace(said, keys=(msgspec.structs.replace(key, kid="0" * 64), *said.keys[1:])),
        msgspec.structs.replace(said, keys=(msgspec.structs.replace(key, key="AAAA"), *said.keys[1:])),
        msgspec.structs.replace(said, keys=(msgspec.structs.replace(key, key=foreign.decode()), *said.keys[1:])),
        msgspec.structs.replace(said, expires=NOW + 367 * 86_400),
        msgspec.structs.replace(said, expires=NOW),
        msgspec.structs.replace(said, threshold=4),
    ):
        with pytest.raises(ManifestError, match=r"."):
            read(write(changed))
    value = json.loads(write(said))
    others: tuple[object, ...] = (value | {"extra": 1}, value | {"version": 0}, value | {"keys": []}, [], value)
    for other in others:
        with pytest.raises(ManifestError):
            read(json.dumps(other).encode())
