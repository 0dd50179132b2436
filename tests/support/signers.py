"""This file makes keys and manifests for tests; it guards that they are made as a person would make them."""

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ed25519

from isolane.security.envelope import MANIFEST, seal
from isolane.security.key_manifest import Manifest, Role, describe, write
from isolane.security.signing import Signer


@dataclass(frozen=True)
class Holder:
    """Somebody with a key."""

    person: str
    role: Role
    signer: Signer


def holder(folder: Path, person: str, role: Role, name: str = "") -> Holder:
    """Make a key in a file and read it."""
    key = ed25519.Ed25519PrivateKey.generate()
    path = folder / f"{name or person}-{role}.pem"
    path.write_bytes(key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()))
    return Holder(person, role, Signer(path))


def manifest(version: int, holders: list[Holder], *, issued: int, expires: int, threshold: int = 2) -> Manifest:
    """Say who may command."""
    keys = tuple(describe(each.signer.public_key, each.person, each.role) for each in holders)
    return Manifest(v=1, version=version, issued=issued, expires=expires, threshold=threshold, keys=keys)


def signed(said: Manifest, roots: list[Holder]) -> bytes:
    """Sign a manifest."""
    return seal(write(said), [each.signer for each in roots], MANIFEST)
