"""This file is the people who sign, and what they may; it guards that their keys are made as theirs would be."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from isolane.security.envelope import MANIFEST, seal
from isolane.security.key_manifest import Manifest, Role, describe, write
from isolane.security.signing import PrivateKey, Signer

DAY_S: Final = 86_400


@dataclass(frozen=True)
class Holder:
    """Somebody with a key."""

    person: str
    role: Role
    signer: Signer


def make_key(path: Path, *, p256: bool = False) -> Signer:
    """Make a private key in a file, and its public half beside it (.pub)."""
    key: PrivateKey = ec.generate_private_key(ec.SECP256R1()) if p256 else ed25519.Ed25519PrivateKey.generate()
    path.write_bytes(key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()))
    public = key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    path.with_suffix(".pub").write_bytes(public)
    return Signer(path)


class People:
    """Two with root keys, two operators, two approvers, one who is both, a viewer, a stranger.

    Args:
        folder: For their keys; made.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.roots = [self.holder(name, "root") for name in ("rita", "rob")]
        self.ann = self.holder("ann", "operator")
        self.ann_again = self.holder("ann", "approver", "ann-again")
        self.olga = self.holder("olga", "operator")
        self.bob = self.holder("bob", "approver")
        self.carl = self.holder("carl", "approver", p256=True)
        self.vic = self.holder("vic", "viewer")
        self.eve = self.holder("eve", "operator")

    def holder(self, person: str, role: Role, name: str = "", *, p256: bool = False) -> Holder:
        """Give somebody a key."""
        return Holder(person, role, make_key(self.folder / f"{name or person}-{role}.pem", p256=p256))

    @property
    def known(self) -> list[Holder]:
        """Give all but the stranger."""
        return [*self.roots, self.ann, self.ann_again, self.olga, self.bob, self.carl, self.vic]

    def private_keys(self) -> list[bytes]:
        """Give what nobody else may ever see: the inside of each key's file."""
        return [b"".join(path.read_bytes().splitlines()[1:-1]) for path in self.folder.glob("*.pem")]


def manifest(
    version: int, holders: list[Holder], signers: list[Holder], *, issued_s: int | None = None, life_s: int = DAY_S
) -> bytes:
    """Give a manifest.

    Args:
        version: From 1.
        holders: Who is in it.
        signers: Who signs it.
        issued_s: UTC, s; None: now.
        life_s: How long it is in force.
    """
    issued = int(time.time()) - 1 if issued_s is None else issued_s
    keys = tuple(describe(each.signer.public_key, each.person, each.role) for each in holders)
    said = Manifest(v=1, version=version, issued=issued, expires=issued + life_s, threshold=2, keys=keys)
    return seal(write(said), [each.signer for each in signers], MANIFEST)
