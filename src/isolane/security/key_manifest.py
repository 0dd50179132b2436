"""This file reads the list of keys that may command; it guards that nobody makes a new one without the old one's keys.

A manifest is the payload of an envelope of type `envelope.MANIFEST`, JSON in its one form (compact, in this order):
``v`` 1; ``version`` from 1; ``issued``, ``expires`` UTC, s; ``threshold`` how many distinct root keys of distinct
people sign a manifest; ``keys``: ``kid``, ``key`` (base64url of the SubjectPublicKeyInfo in DER), ``person``, ``role``.

Constraints: what TUF asks of a root file. A first manifest is trusted because a person put it there; it has to be
    signed by its own threshold. A later one has to be signed by the threshold of the one in force *and* by its own,
    have a greater version, and not have expired; so keys change hands only with the consent of both sides, and
    neither an old file (rollback) nor the silence of whoever brings files (freeze) helps for longer than until
    `expires`.
    Each key once, one role a key; root keys sign manifests and commands of class R3 and nothing else.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from isolane.core import strict_json
from isolane.security.envelope import MANIFEST, Envelope, EnvelopeError, parse, verify
from isolane.security.signing import PublicKey, key_id

BYTES_MAX: Final = 64 << 10
KEYS_MAX: Final = 128
LIFE_S_MAX: Final = 366 * 86_400
Role = Literal["viewer", "operator", "approver", "root"]
RIGHTS: Final[dict[str, frozenset[str]]] = {
    "viewer": frozenset({"R0"}),
    "operator": frozenset({"R0", "R1", "R2", "R4"}),
    "approver": frozenset({"R0", "R1", "R2", "R4"}),
    "root": frozenset({"R3"}),
}
"""Which classes of commands a key of a role may sign. How many people a class needs, the gateway's code says."""
_Count = Annotated[int, msgspec.Meta(ge=1, le=strict_json.INTEGER_MAX)]


class ManifestError(ValueError):
    """A manifest that is refused.

    Args:
        reason: "malformed", "signature", "threshold", "rollback" or "expired".
        detail: What exactly, for a person.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Key(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key, whose it is, and as what they sign with it."""

    kid: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
    key: Annotated[str, msgspec.Meta(max_length=256)]
    person: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9._@+-]*\Z", max_length=128)]
    role: Role


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A list of keys; see the top of this file."""

    v: Literal[1]
    version: _Count
    issued: _Count
    expires: _Count
    threshold: Annotated[int, msgspec.Meta(ge=1, le=8)]
    keys: Annotated[tuple[Key, ...], msgspec.Meta(min_length=1, max_length=KEYS_MAX)]


@dataclass(frozen=True)
class Trusted:
    """A manifest that has been verified.

    Attributes:
        manifest: What it says.
        data: Its envelope.
        keys: Its public keys by name.
        holders: Its entries by name.
    """

    manifest: Manifest
    data: bytes
    keys: dict[str, PublicKey]
    holders: dict[str, Key]

    def roots(self) -> dict[str, PublicKey]:
        """Give the root keys by name."""
        return {kid: key for kid, key in self.keys.items() if self.holders[kid].role == "root"}

    def is_expired(self, now_s: float) -> bool:
        """Tell whether it is in force no longer."""
        return now_s >= self.manifest.expires


def describe(key: PublicKey, person: str, role: Role) -> Key:
    """Give the entry of a public key."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return Key(kid=key_id(key), key=base64.urlsafe_b64encode(der).rstrip(b"=").decode(), person=person, role=role)


def write(manifest: Manifest) -> bytes:
    """Give the one form of a manifest, to be sealed."""
    return strict_json.write(msgspec.to_builtins(manifest))


def read(payload: bytes) -> tuple[Manifest, dict[str, PublicKey]]:
    """Read a manifest without believing it.

    Raises:
        ManifestError: It is none.
    """
    try:
        manifest = msgspec.convert(strict_json.read(payload, strict_json.INTEGER_MAX), Manifest, strict=True)
    except ValueError as error:
        raise ManifestError("malformed", str(error)) from error
    if write(manifest) != payload:
        raise ManifestError("malformed", "not in the one form")
    keys = {each.kid: _public(each) for each in manifest.keys}
    if len(keys) != len(manifest.keys):
        raise ManifestError("malformed", "a key stands twice")
    if not 0 < manifest.expires - manifest.issued <= LIFE_S_MAX:
        raise ManifestError("malformed", "it has to expire within 366 days")
    if manifest.threshold > len({each.person for each in manifest.keys if each.role == "root"}):
        raise ManifestError("malformed", "fewer people with root keys than have to sign")
    return manifest, keys


def first(data: bytes) -> Trusted:
    """Take a manifest that a person put there, or that followed one before it was kept.

    Signatures of keys that it does not have count for nothing: a rotated one has those of the old root keys too.

    Raises:
        ManifestError: It is none, or not signed by its own threshold.
    """
    trusted, signers = _open(data, None)
    _reach(trusted, signers, "its own")
    return trusted


def follow(current: Trusted, data: bytes, now_s: float) -> Trusted:
    """Take the next manifest.

    Args:
        current: The one in force.
        data: Bytes of anybody's choosing.
        now_s: UTC, s.

    Returns:
        The new one; `current` if it is the same.

    Raises:
        ManifestError: It may not follow.
    """
    if data == current.data:
        return current
    trusted, signers = _open(data, current.roots())
    if trusted.manifest.version <= current.manifest.version:
        raise ManifestError("rollback", f"version {trusted.manifest.version}, in force {current.manifest.version}")
    if trusted.is_expired(now_s):
        raise ManifestError("expired", "it is in force no longer")
    _reach(current, signers, "the old")
    _reach(trusted, signers, "its own")
    return trusted


def _open(data: bytes, others: dict[str, PublicKey] | None) -> tuple[Trusted, frozenset[str]]:
    """Read a manifest and check its signatures, each by one of its own root keys or of the others; None: by anybody."""
    try:
        envelope = parse(data, MANIFEST, BYTES_MAX)
        manifest, all_keys = read(envelope.payload)
        trusted = Trusted(manifest, data, all_keys, {each.kid: each for each in manifest.keys})
        keys = (others or {}) | trusted.roots()
        if others is None:
            envelope = Envelope(envelope.payload, tuple(each for each in envelope.signatures if each.kid in keys))
        verify(envelope, keys)
    except EnvelopeError as error:
        raise ManifestError("malformed" if error.reason == "malformed" else "signature", str(error)) from error
    return trusted, frozenset(each.kid for each in envelope.signatures)


def _reach(trusted: Trusted, signers: frozenset[str], whose: str) -> None:
    people = {trusted.holders[kid].person for kid in trusted.roots() if kid in signers}
    if len(people) < trusted.manifest.threshold:
        raise ManifestError("threshold", f"{len(people)} of {trusted.manifest.threshold} people of {whose} root keys")


def _public(entry: Key) -> PublicKey:
    try:
        der = base64.b64decode(entry.key + "=" * (-len(entry.key) % 4), b"-_", validate=True)
        key = serialization.load_der_public_key(der)
    except (binascii.Error, ValueError, UnsupportedAlgorithm) as error:
        raise ManifestError("malformed", f"the key of {entry.person} cannot be read") from error
    is_p256 = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    if not isinstance(key, ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey) or not (
        is_p256 or isinstance(key, ed25519.Ed25519PublicKey)
    ):
        raise ManifestError("malformed", f"the key of {entry.person} is of another kind")
    if describe(key, entry.person, entry.role) != entry:
        raise ManifestError("malformed", f"the key of {entry.person} is not in its one form, or has another name")
    return key
